import type { ChatMessage } from '../contract.ts';

const CHARACTERS: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: '\u00a0',
  '#13': '\r',
};

/**
 * What a message says, as text: for places that show no markup, such as quotes, lists, titles and input fields. Lines and
 * paragraphs of HTML end with line feeds. Needs no DOM.
 */
export function plainText({ message, format }: Pick<ChatMessage, 'message' | 'format'>): string {
  if (format !== 'html') return message;
  let text = '';
  let isParagraphOver = false;
  const add = (more: string) => {
    if (more === '') return;
    if (isParagraphOver && text !== '' && !text.endsWith('\n')) text += '\n';
    isParagraphOver = false;
    text += more;
  };
  // Between what matches there is text; the server has escaped whatever else would.
  const markup = /<\/?([a-z]+)(?:[^">]|"[^"]*")*>|&(amp|lt|gt|quot|nbsp|#13);/g;
  let end = 0;
  for (const match of message.matchAll(markup)) {
    const [found, name, reference] = match;
    add(message.slice(end, match.index));
    end = match.index + found.length;
    if (reference !== undefined) add(CHARACTERS[reference] ?? found);
    else if (name === 'br') add('\n');
    else if (name === 'p') isParagraphOver = true;
  }
  add(message.slice(end));
  return text;
}
