import i18next, { type i18n } from 'i18next';
import { initReactI18next, useTranslation } from 'react-i18next';
import { en, type TextKey } from './en.ts';
import { id } from './id.ts';

export type Language = 'en' | 'id';
type Resources = Record<Language, Record<string, Record<string, string>>>;

/** The components' texts and those of an application, as an i18next instance for `I18nextProvider`. */
export function createTexts(language: Language, more: Resources = { en: {}, id: {} }): i18n {
  const instance = i18next.createInstance();
  void instance.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'en',
    defaultNS: 'realtime',
    // Keys have dots in them: they are names, not paths.
    keySeparator: false,
    nsSeparator: false,
    initAsync: false,
    interpolation: { escapeValue: false },
    resources: { en: { realtime: en, ...more.en }, id: { realtime: id, ...more.id } },
  });
  return instance;
}

type Plural = 'one' | 'other' | 'zero';
type Name<K> = K extends `${infer Base}_${Plural}` ? Base : K;
export type Translate = (key: Name<TextKey>, values?: Record<string, string | number>) => string;

export function useTexts(): { t: Translate; language: string } {
  const { t, i18n: instance } = useTranslation('realtime');
  return { t: (key, values) => t(key, values ?? {}), language: instance.language };
}
