//! What the system says, in English; `data` has all that a client needs to say it in another language.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use sinaesta_contracts::leaderboard::Period;
use sinaesta_contracts::notification::{Notice, NotificationType, Priority};
use sinaesta_contracts::{ExamId, NotificationId, UserId};
use sinaesta_mutants::mutant;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::bounds::name;

/// The texts of a notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub kind: NotificationType,
    pub priority: Priority,
    pub title: String,
    pub message: String,
    pub data: Value,
    pub action_url: String,
}

/// The id of what is told once only, whoever says it how often; `None` for messages, which one notification gathers.
/// `at` is when it is told.
pub fn id(user: UserId, notice: &Notice, at: OffsetDateTime, zone: &TimeZone) -> Option<NotificationId> {
    let what = match notice {
        Notice::ExamGraded { result_id, key_version, .. } => format!("graded.{result_id}.{key_version}"),
        Notice::Invited { occasion, .. } => format!("invited.{occasion}"),
        Notice::Overtaken { .. } => {
            format!("overtaken.{}", mutant!("notification-overtaken-all-day", at.to_string(), day(at, zone)))
        }
        Notice::MessagesWaiting { .. } => return None,
    };
    Some(NotificationId(Uuid::new_v5(&user.0, what.as_bytes())))
}

/// The date at a moment, where the day is counted.
fn day(at: OffsetDateTime, zone: &TimeZone) -> String {
    let at = Timestamp::from_second(at.unix_timestamp()).unwrap_or_default();
    at.to_zoned(mutant!("notification-day-of-utc", TimeZone::UTC, zone.clone())).date().to_string()
}

/// What is said of a notice.
pub fn text(notice: &Notice) -> Text {
    match notice {
        Notice::ExamGraded { exam_id, exam_title, is_correction, score, max_score, .. } => {
            let exam_title = name(exam_title);
            let title = if *is_correction { "Your result was corrected" } else { "Your exam is graded" };
            Text {
                kind: NotificationType::ExamUpdate,
                priority: Priority::Normal,
                title: title.to_owned(),
                message: format!("{exam_title}: {score} of {max_score} points"),
                data: json!({
                    "kind": if *is_correction { "exam-regraded" } else { "exam-graded" },
                    "examId": exam_id, "examTitle": exam_title, "score": score, "maxScore": max_score,
                }),
                action_url: format!("/exams/{exam_id}"),
            }
        }
        Notice::MessagesWaiting { room_id, first_seq, last_seq, sender_name, excerpt } => {
            let count = last_seq.saturating_sub(*first_seq).saturating_add(1);
            let sender_name = name(sender_name);
            let title = match count {
                1 => format!("New message from {sender_name}"),
                _ => format!("{count} new messages, the latest from {sender_name}"),
            };
            Text {
                kind: NotificationType::Message,
                priority: Priority::Normal,
                title,
                message: excerpt.clone(),
                data: json!({ "kind": "messages-waiting", "roomId": room_id, "senderName": sender_name, "count": count }),
                action_url: format!("/chat/{room_id}"),
            }
        }
        Notice::Invited { group_id, group_name, by_name, .. } => {
            let (group_name, by_name) = (name(group_name), name(by_name));
            Text {
                kind: NotificationType::Message,
                priority: Priority::Normal,
                title: format!("{by_name} invites you to a study group"),
                message: group_name.to_owned(),
                data: json!({ "kind": "group-invited", "groupId": group_id, "groupName": group_name, "byName": by_name }),
                action_url: format!("/groups/{group_id}"),
            }
        }
        Notice::Overtaken { board, by_name, rank, .. } => {
            let (by_name, specialty) = (name(by_name), board.specialty.as_deref().map(name));
            Text {
                kind: NotificationType::Leaderboard,
                priority: Priority::Low,
                title: format!("{by_name} has passed you"),
                message: format!("You are now number {rank} {}", on(board.period, specialty)),
                data: json!({
                    "kind": "overtaken", "period": board.period, "specialty": specialty, "byName": by_name, "rank": rank,
                }),
                action_url: "/leaderboard".to_owned(),
            }
        }
    }
}

fn on(period: Period, specialty: Option<&str>) -> String {
    let period = match period {
        Period::Weekly => "this week",
        Period::Monthly => "this month",
        Period::AllTime => "of all time",
    };
    specialty.map_or_else(|| period.to_owned(), |name| format!("{period} in {name}"))
}

/// What is said before an exam.
pub fn reminder(exam_id: ExamId, exam_title: &str, lead_minutes: i32, starts_at: OffsetDateTime) -> Text {
    let exam_title = name(exam_title);
    let (when, priority) = match lead_minutes {
        1_440 => ("in 24 hours".to_owned(), Priority::Normal),
        60 => ("in 1 hour".to_owned(), Priority::High),
        minutes => (format!("in {minutes} minutes"), Priority::High),
    };
    Text {
        kind: NotificationType::ExamUpdate,
        priority,
        title: format!("Exam starts {when}"),
        message: exam_title.to_owned(),
        data: json!({
            "kind": "exam-starts", "examId": exam_id, "examTitle": exam_title, "leadMinutes": lead_minutes,
            "startsAt": sinaesta_contracts::Timestamp(starts_at),
        }),
        action_url: format!("/exams/{exam_id}"),
    }
}

#[cfg(test)]
mod tests {
    use sinaesta_contracts::leaderboard::BoardId;
    use time::macros::datetime;

    use super::*;

    fn overtaken() -> Notice {
        let board = BoardId { period: Period::Weekly, specialty: None };
        Notice::Overtaken { board, by_name: "Putri".into(), rank: 4 }
    }

    #[test]
    fn being_overtaken_is_one_thing_a_day_by_the_local_calendar() {
        let zone = TimeZone::get("Asia/Jakarta").unwrap();
        let user = UserId(Uuid::from_u128(7));
        let id = |at| id(user, &overtaken(), at, &zone);
        // Midnight in Jakarta is 17:00 UTC.
        assert_eq!(id(datetime!(2026-11-23 17:00 UTC)), id(datetime!(2026-11-24 16:59 UTC)));
        assert_ne!(id(datetime!(2026-11-23 16:59 UTC)), id(datetime!(2026-11-23 17:00 UTC)));
        assert_eq!(text(&overtaken()).message, "You are now number 4 this week");
    }

    #[test]
    fn waiting_messages_are_counted() {
        let room_id: sinaesta_contracts::RoomId = "mentor:7".parse().unwrap();
        let waiting = |first_seq, last_seq| {
            text(&Notice::MessagesWaiting {
                room_id: room_id.clone(),
                first_seq,
                last_seq,
                sender_name: "dr. Bayu".into(),
                excerpt: "Halo".into(),
            })
        };
        assert_eq!(waiting(5, 5).title, "New message from dr. Bayu");
        assert_eq!(waiting(5, 7).title, "3 new messages, the latest from dr. Bayu");
        assert_eq!(waiting(5, 7).data["count"], 3);
    }
}
