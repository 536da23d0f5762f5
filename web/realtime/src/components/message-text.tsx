import { createElement, Fragment, type ReactNode, useMemo } from 'react';
import type { ChatMessage } from '../core/index.ts';

const ELEMENTS: ReadonlySet<string> = new Set(['B', 'I', 'EM', 'STRONG', 'BR', 'P']);
const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'mailto:']);
/** Nothing that anybody writes is nested deeper; what is, shows as its text. */
const DEEPEST = 50;

/**
 * What a message says: text as it was typed, or HTML of very few elements that the server has sanitised. It is never put
 * into the page as HTML: what is known is built as elements, of what is not only the text stays.
 */
export function MessageText({ message }: { message: Pick<ChatMessage, 'message' | 'format'> }) {
  const { message: said, format } = message;
  return useMemo(() => {
    if (format !== 'html') return linked(said);
    // Within a body, white space at the beginning stays.
    const { body } = new DOMParser().parseFromString(`<body>${said}`, 'text/html');
    return children(body, 0);
  }, [said, format]);
}

function children(node: Node, depth: number): ReactNode {
  if (depth > DEEPEST) return node.textContent;
  return together([...node.childNodes].map((child) => render(child, depth + 1)));
}

/** Parts that have no names and never move: given one by one, they need no keys. */
function together(parts: readonly ReactNode[]): ReactNode {
  return createElement(Fragment, null, ...parts);
}

function render(node: Node, depth: number): ReactNode {
  if (node.nodeType === Node.TEXT_NODE) return linked(node.textContent ?? '');
  if (!(node instanceof Element)) return null;
  const inside = children(node, depth);
  if (node.tagName === 'A') {
    const href = safeHref(node.getAttribute('href'));
    return href === null ? inside : <Link href={href}>{inside}</Link>;
  }
  if (!ELEMENTS.has(node.tagName)) return ['SCRIPT', 'STYLE'].includes(node.tagName) ? null : inside;
  const Tag = node.tagName.toLowerCase() as 'b' | 'i' | 'em' | 'strong' | 'br' | 'p';
  return Tag === 'br' ? <br /> : <Tag>{inside}</Tag>;
}

/** An address that may be followed, as it stands; `null` for any other. */
export function safeHref(href: string | null): string | null {
  if (href === null) return null;
  try {
    return SCHEMES.has(new URL(href).protocol) ? href : null;
  } catch {
    return null;
  }
}

function Link({ href, children: inside }: { href: string; children?: ReactNode }) {
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {inside}
    </a>
  );
}

/** Text in which addresses can be followed. */
function linked(text: string): ReactNode {
  const parts = text.split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}])/g);
  return together(
    parts.map((part, index) => {
      const href = index % 2 === 1 ? safeHref(part) : null;
      return href === null ? part : createElement(Link, { href }, part);
    }),
  );
}
