//! Which handler takes what.

use sinaesta_bus::ServiceBuilder;

use crate::context::Context;
use crate::handlers::{
    connect_user, create_group, disconnect_user, edit_message, exit_room, expire_presence, find_away, find_file,
    find_online, invite_member, join_group, join_room, leave_group, leave_room, list_groups, list_rooms, lose_gateway,
    mark_message_read, message_history, missed_messages, mute_user, react_to_message, read_thread, record_file,
    remove_member, remove_message, retell_messages, search_messages, send_message, set_status, set_typing,
};

pub(crate) fn handlers(builder: ServiceBuilder, context: &Context) -> ServiceBuilder {
    builder
        .command(join_room::Handler(context.clone()))
        .command(leave_room::Handler(context.clone()))
        .command(exit_room::Handler(context.clone()))
        .command(send_message::Handler(context.clone()))
        .command(mark_message_read::Handler(context.clone()))
        .command(create_group::Handler(context.clone()))
        .command(join_group::Handler(context.clone()))
        .command(leave_group::Handler(context.clone()))
        .command(invite_member::Handler(context.clone()))
        .command(remove_member::Handler(context.clone()))
        .command(edit_message::Handler(context.clone()))
        .command(remove_message::Handler(context.clone()))
        .command(react_to_message::Handler(context.clone()))
        .command(mute_user::Handler(context.clone()))
        .command(record_file::Handler(context.clone()))
        .command(retell_messages::Handler(context.clone()))
        .command(set_status::Handler(context.clone()))
        .command(connect_user::Handler(context.clone()))
        .command(disconnect_user::Handler(context.clone()))
        .command(expire_presence::Handler(context.clone()))
        .command(lose_gateway::Handler(context.clone()))
        .query(message_history::Handler(context.clone()))
        .query(missed_messages::Handler(context.clone()))
        .query(read_thread::Handler(context.clone()))
        .query(search_messages::Handler(context.clone()))
        .query(find_file::Handler(context.clone()))
        .query(list_groups::Handler(context.clone()))
        .query(list_rooms::Handler(context.clone()))
        .query(find_away::Handler(context.clone()))
        .query(find_online::Handler(context.clone()))
        .query(set_typing::Handler(context.clone()))
}
