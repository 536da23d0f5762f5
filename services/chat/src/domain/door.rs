//! Who may enter a room: the same right that posting, typing, reading and marking read need.

use std::str::FromStr as _;

use sinaesta_contracts::{Actor, ErrorBody, Role, RoomId, RoomKind, UserId, code};
use sinaesta_mutants::mutant;
use uuid::Uuid;

/// What the door needs to know of a room that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// In a mentor room, the student whose room it is, once there is one; elsewhere, the first to join.
    pub opened_by: Option<UserId>,
}

/// What else decides.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The room, if it exists.
    pub room: Option<Room>,
    /// Whether they have a session in the exam whose room it is.
    pub has_session: bool,
    /// Whether they are a member of the study group whose room it is.
    pub is_member: bool,
    /// Whether rooms without a known prefix may be entered at all.
    pub open_rooms: bool,
}

/// Whether `actor` may be in `id`.
pub fn may_enter(actor: &Actor, id: &RoomId, standing: Standing) -> Result<(), ErrorBody> {
    let allowed = match id.kind() {
        RoomKind::Mentor => {
            actor.role.is_staff()
                || is_own_mentor_room(actor.user_id, id, standing.room)
                || mutant!("door-of-mentor-rooms-is-open")
        }
        RoomKind::Direct(one, other) => {
            [one, other].contains(&actor.user_id)
                || (actor.role.is_staff() && mutant!("door-of-direct-rooms-lets-staff-in"))
        }
        RoomKind::StudyGroup(_) => standing.is_member || mutant!("door-of-groups-is-open"),
        RoomKind::Exam(_) => actor.role.is_staff() || standing.has_session || mutant!("door-of-exams-is-open"),
        RoomKind::Open => standing.open_rooms || mutant!("door-of-open-rooms-has-no-lock"),
    };
    if allowed { Ok(()) } else { Err(ErrorBody::new(code::ROOM_FORBIDDEN, "You may not enter this room")) }
}

/// A student's mentor room is the one that bears their id, or the one they were the first student to open.
fn is_own_mentor_room(user: UserId, id: &RoomId, room: Option<Room>) -> bool {
    let key = id.as_str().strip_prefix("mentor:").unwrap_or_default();
    match Uuid::from_str(key) {
        Ok(owner) => owner == user.0,
        Err(_) => room.and_then(|room| room.opened_by).is_none_or(|owner| owner == user),
    }
}

/// Whose room it becomes when `actor` is the one who joins it now.
pub fn opened_by(actor: &Actor, id: &RoomId, room: Option<Room>) -> Option<UserId> {
    match (id.kind(), room.and_then(|room| room.opened_by)) {
        (_, Some(owner)) => Some(owner),
        (RoomKind::Mentor, None) => {
            (actor.role == Role::Student || mutant!("door-gives-a-mentor-the-students-room")).then_some(actor.user_id)
        }
        (_, None) => room.is_none().then_some(actor.user_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(id: u128, role: Role) -> Actor {
        Actor { user_id: UserId(Uuid::from_u128(id)), name: "N".into(), role, avatar: None }
    }

    fn room(owner: Option<u128>) -> Option<Room> {
        Some(Room { opened_by: owner.map(|id| UserId(Uuid::from_u128(id))) })
    }

    fn standing(room: Option<Room>, open_rooms: bool) -> Standing {
        Standing { room, has_session: false, is_member: false, open_rooms }
    }

    #[test]
    fn a_session_opens_the_room_of_its_exam() {
        let id: RoomId = format!("exam:{}", Uuid::from_u128(1)).parse().unwrap();
        let with = Standing { has_session: true, ..standing(None, true) };
        assert!(may_enter(&somebody(1, Role::Student), &id, with).is_ok());
    }

    #[test]
    fn members_enter_their_study_group_and_nobody_else() {
        let id: RoomId = format!("study-group:{}", Uuid::from_u128(1)).parse().unwrap();
        let member = Standing { is_member: true, ..standing(None, true) };
        assert!(may_enter(&somebody(1, Role::Student), &id, member).is_ok());
        assert!(may_enter(&somebody(9, Role::SuperAdmin), &id, standing(None, true)).is_err());
    }

    #[test]
    fn every_kind_of_room_has_its_door() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let student = somebody(1, Role::Student);
        let cases = [
            ("room-123".to_owned(), None, true, true),
            ("mentor:abc".to_owned(), None, true, true),
            ("mentor:abc".to_owned(), room(None), true, true),
            ("mentor:abc".to_owned(), room(Some(1)), true, true),
            ("mentor:abc".to_owned(), room(Some(2)), false, true),
            (format!("mentor:{one}"), room(None), true, true),
            (format!("mentor:{other}"), None, false, true),
            (format!("direct:{one}:{other}"), None, true, false),
            (format!("direct:{other}:{}", Uuid::from_u128(3)), None, false, false),
            (format!("exam:{one}"), None, false, true),
            (format!("study-group:{one}"), None, false, false),
        ];
        for (id, room, student_may, mentor_may) in cases {
            let id: RoomId = id.parse().unwrap();
            assert_eq!(may_enter(&student, &id, standing(room, true)).is_ok(), student_may, "student, {id}, {room:?}");
            let mentor = somebody(9, Role::Mentor);
            assert_eq!(may_enter(&mentor, &id, standing(room, true)).is_ok(), mentor_may, "mentor, {id}");
        }
    }

    #[test]
    fn closed_deployments_have_no_open_rooms() {
        let id: RoomId = "room-1".parse().unwrap();
        assert!(may_enter(&somebody(1, Role::SuperAdmin), &id, standing(None, false)).is_err());
    }

    #[test]
    fn a_mentor_who_comes_first_does_not_become_the_student() {
        let id: RoomId = "mentor:abc".parse().unwrap();
        assert_eq!(opened_by(&somebody(9, Role::Mentor), &id, None), None);
        assert_eq!(opened_by(&somebody(1, Role::Student), &id, room(None)), Some(UserId(Uuid::from_u128(1))));
    }
}
