import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { render } from '@testing-library/react';
import { createElement } from 'react';
import { describe, expect, it } from 'vitest';
import { MessageText } from '../src/components/message-text.tsx';
import type { MessageFormat } from '../src/contract.ts';
import { plainText } from '../src/core/index.ts';

interface Sample {
  message: string;
  format: MessageFormat;
  text: string;
  plain?: string;
}

/** Messages as the server stores them, with what they say: its own tests read them too. */
const samples: Sample[] = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../shared/contracts/samples/messages.json'), 'utf8'),
);

/** What the page shows, as the elements that it is shown in. */
function shown(message: string, format: MessageFormat): Element {
  const { container, unmount } = render(createElement(MessageText, { message: { message, format } }));
  const copy = container.cloneNode(true) as Element;
  unmount();
  return copy;
}

describe('what a message says', () => {
  it('is read as the server reads it', () => {
    expect(samples.length).toBeGreaterThan(40);
    for (const { message, format, text, plain } of samples) {
      expect(plainText({ message, format })).toBe(plain ?? text);
      expect(shown(message, format).textContent).toBe(text);
    }
  });

  it('is shown as text unless it is HTML', () => {
    for (const typed of ['<b>x</b>', '&lt;b&gt;', '<img src=x onerror=alert(1)>', '  two  spaces']) {
      expect(shown(typed, 'text').textContent).toBe(typed);
      expect(shown(typed, 'text').children.length).toBe(0);
      expect(plainText({ message: typed, format: 'text' })).toBe(typed);
    }
    expect(shown('  <b>x</b> y', 'html').innerHTML).toBe('  <b>x</b> y');
  });

  it('is in elements that are allowed, whatever calls itself sanitised', () => {
    const html =
      '<p>a<img src=x onerror=alert(1)><script>alert(1)</script><a href="javascript:x">b</a><i style="x">c</i></p>';
    expect(shown(html, 'html').innerHTML).toBe('<p>ab<i>c</i></p>');
  });

  it('does nothing but be read, in either format', () => {
    const vectors: string[] = JSON.parse(readFileSync(join(import.meta.dirname, '../../e2e/data/xss.json'), 'utf8'));
    for (const vector of vectors) {
      expect(shown(vector, 'text').textContent).toBe(vector);
      for (const format of ['text', 'html'] as const) {
        for (const element of shown(vector, format).querySelectorAll('*')) {
          expect(element.tagName, vector).toMatch(/^(A|B|BR|EM|I|P|STRONG)$/);
          const attributes = element.getAttributeNames().sort();
          expect(attributes, vector).toEqual(element.tagName === 'A' ? ['href', 'rel', 'target'] : []);
          if (element.tagName === 'A') expect(element.getAttribute('href'), vector).toMatch(/^(https?:\/\/|mailto:)/);
        }
      }
    }
  });

  it('is text where the server has not said how to read it', () => {
    const { format: _, ...older } = { message: '<b>x</b>', format: 'html' as MessageFormat };
    expect(plainText(older as Sample)).toBe('<b>x</b>');
  });
});
