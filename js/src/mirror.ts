/**
 * The mirror is the server's tree as it stands in this browser: for each of the server's nodes the DOM node that shows
 * it. Patches address nodes by position in the mirror, never by position in the DOM, so what extensions, widgets and
 * scripts add to the page neither shifts an index nor is ever removed.
 */

export interface Mirror {
  readonly n: Node;
  /** The children in the server's tree; null for texts and comments. */
  k: readonly Mirror[] | null;
}

/** Elements whose content is not part of the tree. A changed one is replaced as a whole. */
const OPAQUE = /^(?:iframe|noscript|noembed|noframes)$/;

const none: readonly Mirror[] = [];

export const isElement = (node: Node): node is Element => node.nodeType === 1;
export const isText = (node: Node): node is Text => node.nodeType === 3;

/** Where the element's children hang: a template keeps them in its content. */
export function hostOf(el: Element): Element | DocumentFragment {
  return el instanceof HTMLTemplateElement ? el.content : el;
}

export function isOpaque(el: Element): boolean {
  return OPAQUE.test(el.localName) || (el.localName === "template" && el.hasAttribute("shadowrootmode"));
}

export function mirrorOf(node: Node): Mirror {
  if (!isElement(node)) return { n: node, k: null };
  return { n: node, k: isOpaque(node) ? none : mirrorChildren(hostOf(node)) };
}

/**
 * Mirrors the children of an element or fragment. Parsers cut long texts into several nodes (Chromium after 65,536
 * characters) where the server counts one, so neighbours are joined, and empty texts, which no parser makes, are passed
 * over.
 */
export function mirrorChildren(host: Node): readonly Mirror[] {
  let last: Text | null = null;
  let children: Mirror[] | null = null;
  for (let node = host.firstChild, next: ChildNode | null; node; node = next) {
    next = node.nextSibling;
    if (isText(node)) {
      if (!node.data) continue;
      if (last) {
        last.appendData(node.data);
        node.remove();
        continue;
      }
      last = node;
    } else {
      last = null;
    }
    (children ??= []).push(mirrorOf(node));
  }
  return children ?? none;
}
