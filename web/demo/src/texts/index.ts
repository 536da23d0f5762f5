import type { Language } from '@sinaesta/realtime/components';
import { useTranslation } from 'react-i18next';
import { en } from './en.ts';
import { id } from './id.ts';

type Name<K> = K extends `${infer Base}_one` | `${infer Base}_other` ? Base : K;
type Key = Name<keyof typeof en>;

/** The texts of all pages, by language and namespace. */
export const resources: Record<Language, Record<string, Record<string, string>>> = {
  en: { demo: en },
  id: { demo: id },
};

export function useDemoTexts() {
  const { t, i18n } = useTranslation('demo');
  return {
    t: (key: Key, values: Record<string, string | number> = {}) => t(key, values),
    has: (key: string): key is Key => key in en,
    language: i18n.language,
    setLanguage: (language: Language) => void i18n.changeLanguage(language),
  };
}
