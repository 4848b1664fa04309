/**
 * HTML strings become nodes here, in documents without a browsing context: nothing loads, runs or upgrades before the
 * nodes have been mirrored and inserted.
 */

const HTML = "http://www.w3.org/1999/xhtml";

export const isHtml = (el: Element): boolean => el.namespaceURI === HTML;

/**
 * Parses html as it would stand inside parent. A template takes table rows, cells and options without their usual
 * parents, and a script's or a textarea's text as the server writes it, escaped; foreign parents need their own parsing
 * rules, which only an element of that kind gives.
 */
export function parseInside(parent: Element, html: string): ParentNode & Node {
  const template = document.createElement("template");
  // Where scripts cannot run, a parser takes a noscript's content for elements: it has to stand in this document.
  const here = /<noscript/i.test(html);
  if (isHtml(parent)) {
    // A custom element would come to life, and a template would keep the nodes to itself.
    const name = /-|^template$/.test(parent.localName) ? "div" : parent.localName;
    const context = here ? document.createElement(name) : template;
    context.innerHTML = html;
    return here ? context : template.content;
  }
  const context = (here ? document : template.content.ownerDocument).importNode(parent, false);
  context.innerHTML = html;
  return context;
}
