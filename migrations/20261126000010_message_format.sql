-- Says of each message whether it is text as it was typed or sanitised HTML, so that readers need not guess by its characters.
-- Partitions that are made later have the column from chat_messages.
ALTER TABLE chat_messages ADD COLUMN format text NOT NULL DEFAULT 'text';
-- That of what the message said before.
ALTER TABLE chat_message_edits ADD COLUMN format text NOT NULL DEFAULT 'text';

-- What was stored so far was left as it was typed only if HTML parsing found no tag and no reference in it, and was written
-- by an HTML serialiser otherwise. So whatever has one of these, as a serialiser writes them, is HTML; of all the rest HTML and text
-- say the same.
UPDATE chat_messages SET format = 'html' WHERE message ~ '<(a|b|br|em|i|p|strong)[ >]|&(amp|lt|gt|nbsp);';
UPDATE chat_message_edits SET format = 'html' WHERE before ~ '<(a|b|br|em|i|p|strong)[ >]|&(amp|lt|gt|nbsp);';
