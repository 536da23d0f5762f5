//! One line for each event that clients send.

use std::sync::LazyLock;

use sinaesta_contracts::chat::{MarkMessageRead, MessageHistory};
use sinaesta_contracts::exam::{CompleteExam, ExamAnswerSaved, ExamProgressSaved, SaveAnswer, SaveProgress};
use sinaesta_contracts::leaderboard::UpdateLeaderboard;
use sinaesta_contracts::moderation::{
    EditMessage, MuteUser, ReactToMessage, ReadThread, RemoveMessage, SearchMessages,
};
use sinaesta_contracts::notification::{
    ListNotifications, NotificationSent, ReadAllNotifications, ReadNotification, ReadPreferences, SendNotification,
    SetPreferences,
};
use sinaesta_contracts::proctoring::{ExtendExam, PauseExam, ResumeExam};
use sinaesta_contracts::room_list::ListRooms;
use sinaesta_contracts::session::Heartbeat;
use sinaesta_contracts::study_group::{InviteMember, LeaveGroup, RemoveMember, StudyGroupLeft};
use sinaesta_mutants::mutant;

use super::routes::{Route, Routes};
use super::{exams, leaderboards, messages, rooms, session, status, study_groups, typing};
use crate::sockets::limits::Class;

static ROUTES: LazyLock<Routes> = LazyLock::new(routes);

/// How an event is handled, if there is such an event.
pub(crate) fn route(name: &str) -> Option<&'static Route> {
    ROUTES.get(name)
}

pub(super) fn routes() -> Routes {
    let group_message = mutant!("limit-not-of-group-messages", Class::Other, Class::Message);
    Routes::default()
        // The connection
        .immediate::<Heartbeat>(Class::Other, session::heartbeat)
        .custom(Class::Other, session::refresh_token)
        .custom(Class::Other, status::set)
        // Rooms and messages
        .custom(Class::Lookup, rooms::join)
        .custom(Class::Other, rooms::leave)
        .query::<ListRooms>(Class::Lookup)
        .custom(Class::Message, messages::send)
        .custom(Class::Other, typing::set)
        .command::<MarkMessageRead>(Class::Other)
        .query::<MessageHistory>(Class::Lookup)
        .query::<ReadThread>(Class::Lookup)
        .query::<SearchMessages>(Class::Lookup)
        .command::<EditMessage>(Class::Change)
        .command::<RemoveMessage>(Class::Change)
        .command::<ReactToMessage>(Class::Change)
        .command::<MuteUser>(Class::Other)
        // Study groups
        .custom(Class::Lookup, study_groups::create)
        .custom(Class::Lookup, study_groups::join)
        .command_with_event::<LeaveGroup, StudyGroupLeft>(Class::Other)
        .custom(Class::Lookup, study_groups::list)
        .command::<InviteMember>(Class::Invitation)
        .command::<RemoveMember>(Class::Other)
        .custom(group_message, messages::send_to_group)
        // Exams
        .custom(Class::ExamJoin, exams::join)
        .custom(Class::Other, exams::leave)
        .command_with_event::<SaveAnswer, ExamAnswerSaved>(Class::Other)
        .command_with_event::<SaveProgress, ExamProgressSaved>(Class::Other)
        .command::<CompleteExam>(Class::Other)
        .custom(Class::Lookup, exams::monitor)
        .command::<ExtendExam>(Class::Other)
        .command::<PauseExam>(Class::Other)
        .command::<ResumeExam>(Class::Other)
        // Leaderboards
        .custom(Class::Lookup, leaderboards::request)
        .custom(Class::Other, leaderboards::unsubscribe)
        .command::<UpdateLeaderboard>(Class::Lookup)
        // Notifications
        .command_with_event::<SendNotification, NotificationSent>(Class::Invitation)
        .query::<ListNotifications>(Class::Lookup)
        .command::<ReadNotification>(Class::Other)
        .command::<ReadAllNotifications>(Class::Other)
        .query::<ReadPreferences>(Class::Other)
        .command::<SetPreferences>(Class::Other)
}
