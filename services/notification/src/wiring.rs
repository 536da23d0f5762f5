//! Which handler takes what.

use sinaesta_bus::ServiceBuilder;

use crate::context::Context;
use crate::handlers::{
    clear_room, exam_graded, exam_scheduled, find_readers, group_invited, list_notifications, messages_posted, notify,
    people_overtaken, read_all_notifications, read_inboxes, read_notification, read_preferences, read_push_key,
    remove_announcements, repeat_urgent, room_read, send_notification, send_reminder, sessions_begun, set_preferences,
    subscribe_push, unsubscribe_push,
};

pub(crate) fn handlers(builder: ServiceBuilder, context: &Context) -> ServiceBuilder {
    builder
        .command(send_notification::Handler(context.clone()))
        .command(read_notification::Handler(context.clone()))
        .command(read_all_notifications::Handler(context.clone()))
        .command(set_preferences::Handler(context.clone()))
        .command(notify::Handler(context.clone()))
        .command(clear_room::Handler(context.clone()))
        .command(send_reminder::Handler(context.clone()))
        .command(repeat_urgent::Handler(context.clone()))
        .command(remove_announcements::Handler(context.clone()))
        .command(subscribe_push::Handler(context.clone()))
        .command(unsubscribe_push::Handler(context.clone()))
        .event(exam_graded::Handler(context.clone()))
        .event(exam_scheduled::Handler(context.clone()))
        .event(sessions_begun::Handler(context.clone()))
        .event(messages_posted::Handler(context.clone()))
        .event(room_read::Handler(context.clone()))
        .event(people_overtaken::Handler(context.clone()))
        .event(group_invited::Handler(context.clone()))
        .query(list_notifications::Handler(context.clone()))
        .query(read_inboxes::Handler(context.clone()))
        .query(find_readers::Handler(context.clone()))
        .query(read_preferences::Handler(context.clone()))
        .query(read_push_key::Handler(context.clone()))
}
