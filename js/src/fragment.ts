/**
 * HTML strings become nodes here, in documents without a browsing context: nothing loads, runs or upgrades before the
 * nodes have been mirrored and inserted.
 */

const HTML = "http://www.w3.org/1999/xhtml";
/** Their content is text, whatever it looks like. */
const TEXT_ONLY = /^(?:script|style|textarea|title|xmp)$/;

export const isHtml = (el: Element): boolean => el.namespaceURI === HTML;

/**
 * Parses html as it would stand inside parent. A template takes table rows, cells and options without their usual
 * parents; foreign and text-only parents need their own parsing rules, which only an element of that kind gives.
 */
export function parseInside(parent: Element, html: string): ParentNode & Node {
  const template = document.createElement("template");
  if (isHtml(parent) && !TEXT_ONLY.test(parent.localName)) {
    template.innerHTML = html;
    return template.content;
  }
  const context = template.content.ownerDocument.importNode(parent, false);
  context.innerHTML = html;
  return context;
}
