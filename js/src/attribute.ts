/** Setting an attribute by the name it has in HTML, which is more than setAttribute takes. */
import { isHtml } from "./fragment.ts";

/** What the HTML parser reads as an attribute's name, less what could end it inside the tag below. */
const NAME = /^[^\s"'<>/=`\0]+$/;

/**
 * Sets an attribute. Names that only the HTML parser makes (@click, :key) and those with a namespace inside SVG and
 * MathML (xlink:href) are taken from a parsed element.
 */
export function setAttribute(el: Element, name: string, value: string): void {
  if (isHtml(el) || !name.includes(":")) {
    try {
      el.setAttribute(name, value);
      return;
    } catch (error) {
      if (!NAME.test(name)) throw error;
    }
  }
  const existing = el.getAttributeNode(name);
  if (existing) {
    existing.value = value;
    return;
  }
  if (!NAME.test(name)) throw new TypeError(`attribute name ${JSON.stringify(name)}`);
  const template = document.createElement("template");
  template.innerHTML = isHtml(el) ? `<i ${name}></i>` : `<svg ${name}></svg>`;
  const parsed = template.content.firstElementChild!;
  const attribute = document.importNode(parsed.removeAttributeNode(parsed.attributes[0]!), true);
  attribute.value = value;
  el.setAttributeNode(attribute);
}
