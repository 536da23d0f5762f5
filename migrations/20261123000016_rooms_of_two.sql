-- Finds the `direct:` rooms of somebody who has not joined them yet: the other one has written to them.
CREATE INDEX chat_rooms_direct_first ON chat_rooms (split_part(id, ':', 2)) WHERE type = 'DIRECT';
CREATE INDEX chat_rooms_direct_second ON chat_rooms (split_part(id, ':', 3)) WHERE type = 'DIRECT';
CREATE INDEX chat_rooms_mentor ON chat_rooms (id) WHERE type = 'MENTOR';
