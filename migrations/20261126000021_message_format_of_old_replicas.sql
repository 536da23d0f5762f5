-- A replica of the version before writes sanitised HTML and names no format, for as long as an upgrade goes on. Of that,
-- readers would see markup and escapes as characters. So what names no format is HTML; newer versions always name it.
ALTER TABLE chat_messages ALTER COLUMN format SET DEFAULT 'html';
ALTER TABLE chat_message_edits ALTER COLUMN format SET DEFAULT 'html';
