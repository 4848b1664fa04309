/**
 * Bringing the children of an element into a new order with as few DOM moves as possible. The server only says which
 * order; which nodes stand still is decided here, by a longest increasing subsequence.
 */
import { type Mirror, hostOf, isText } from "./mirror.ts";

/**
 * Tells which entries of `from` (old positions in their new order, -1: a fresh node) may stand still: the longest run of
 * entries that keep their order. When `pin` is an index into `from`, that entry is among them: moving a node without
 * moveBefore takes the focus away from it.
 */
export function standing(from: readonly number[], pin = -1): Uint8Array {
  const tails: number[] = [];
  const before = new Int32Array(from.length);
  const pinned = pin < 0 ? -1 : from[pin]!;
  for (let i = 0; i < from.length; i++) {
    const old = from[i]!;
    if (old < 0) continue;
    // Whatever stands on the wrong side of the pinned node has to move; every other sequence can be extended by it.
    if (pinned >= 0 && i !== pin && i < pin !== old < pinned) continue;
    let lo = 0;
    let hi = tails.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (from[tails[mid]!]! < old) lo = mid + 1;
      else hi = mid;
    }
    before[i] = lo > 0 ? tails[lo - 1]! : -1;
    tails[lo] = i;
  }
  const stay = new Uint8Array(from.length);
  for (let i = tails.length > 0 ? tails[tails.length - 1]! : -1; i >= 0; i = before[i]!) stay[i] = 1;
  return stay;
}

/**
 * Makes `next` the children of base. from[i] is the old position of next[i], or -1 for a fresh node; old children that
 * are not listed are removed. Nodes that are not in the mirror stay where they are.
 */
export function place(base: Mirror, next: readonly Mirror[], from: readonly number[]): void {
  restoreTexts(base);
  const el = base.n as Element;
  const host = hostOf(el);
  const old = base.k!;
  const used = new Uint8Array(old.length);
  for (const i of from) if (i >= 0) used[i] = 1;
  for (let i = 0; i < old.length; i++) if (!used[i]) (old[i]!.n as ChildNode).remove();

  const stay = standing(from, "moveBefore" in host ? -1 : focused(next));
  let ref: Node | null = null;
  for (let i = next.length - 1; i >= 0; i--) {
    const node = next[i]!.n;
    if (from[i]! < 0) host.insertBefore(node, ref);
    else if (!stay[i]) move(host, node, ref);
    // A script may have taken the node elsewhere: then it cannot be a landmark.
    if (node.parentNode === host) ref = node;
  }
  base.k = next;
}

function focused(next: readonly Mirror[]): number {
  const active = document.activeElement;
  return active && active !== document.body ? next.findIndex((m) => m.n.contains(active)) : -1;
}

/** moveBefore keeps focus, scroll positions, playing media and loaded frames; insertBefore is all that older browsers have. */
function move(host: ParentNode & Node, node: Node, ref: Node | null): void {
  const atomic = (host as { moveBefore?: (node: Node, ref: Node | null) => void }).moveBefore;
  if (atomic && node.isConnected && host.isConnected) {
    try {
      atomic.call(host, node, ref);
      return;
    } catch {
      // Across documents or shadow roots: fall through.
    }
  }
  host.insertBefore(node, ref);
}

/**
 * Page translation replaces text nodes by font elements and leaves ours hanging in the air. Puts them back before they
 * are written or used as landmarks; the translator will find them again.
 */
export function restoreTexts(base: Mirror): void {
  const children = base.k!;
  const host = hostOf(base.n as Element);
  for (let i = 0; i < children.length; i++) {
    const text = children[i]!.n;
    if (!isText(text) || text.parentNode === host) continue;
    const next = children.slice(i + 1).find((m) => m.n.parentNode === host)?.n ?? null;
    const previous = i > 0 ? children[i - 1]!.n : null;
    let node: Node | null = previous?.parentNode === host ? previous.nextSibling : previous ? next : host.firstChild;
    while (node && node !== next) {
      const after: Node | null = node.nextSibling;
      if (isText(node) || node.nodeName === "FONT") host.removeChild(node);
      node = after;
    }
    host.insertBefore(text, next);
  }
}
