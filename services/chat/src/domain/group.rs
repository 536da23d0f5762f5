//! Study groups: who may join, invite and remove, and whose a group is.

use sinaesta_contracts::{Actor, ErrorBody, Role, UserId, code};
use sinaesta_mutants::mutant;
use time::OffsetDateTime;

/// What is decided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub is_public: bool,
    pub max_members: u32,
    pub creator_id: UserId,
    /// The longest-standing first.
    pub members: Vec<Member>,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub user_id: UserId,
    pub user_name: String,
    pub joined_at: OffsetDateTime,
}

impl Group {
    /// Somebody, if they are a member.
    pub fn member(&self, user: UserId) -> Option<&Member> {
        self.members.iter().find(|member| member.user_id == user)
    }

    /// Whether somebody who is not a member may become one.
    pub fn may_join(&self, is_invited: bool) -> Result<(), ErrorBody> {
        // A group that is not public is not there for those whom nobody invited.
        if !self.is_public && !is_invited && !mutant!("group-private-is-joined") {
            return Err(not_found());
        }
        if self.members.len() >= self.max_members as usize + usize::from(mutant!("group-takes-one-too-many")) {
            return Err(ErrorBody::new(code::GROUP_FULL, "The group is full").on_field("groupId"));
        }
        Ok(())
    }

    /// Whether `actor` may remove somebody of a role. An owner removes anybody; mentors and admins nobody of a higher rank.
    pub fn may_remove(&self, actor: &Actor, user: UserId, role: Role) -> Result<(), ErrorBody> {
        if actor.user_id == self.creator_id {
            return Ok(());
        }
        if actor.role.is_staff() {
            return actor.may_act_on(user, role).map_err(|error| error.on_field("userId"));
        }
        if self.member(actor.user_id).is_none() && !self.is_public {
            return Err(not_found());
        }
        Err(ErrorBody::new(code::FORBIDDEN, "Only the group's owner, mentors and admins may remove members"))
    }

    /// Whose group it is once `leaving` has left: the longest-standing member's. `None`: nobody is left.
    pub fn owner_without(&self, leaving: UserId) -> Option<UserId> {
        let mut rest = self.members.iter().map(|member| member.user_id).filter(|user| *user != leaving);
        let first = rest.next();
        if self.creator_id == leaving || first.is_none() { first } else { Some(self.creator_id) }
    }
}

/// The one answer for a group that does not exist and one that the caller may not know of.
pub fn not_found() -> ErrorBody {
    ErrorBody::new(code::GROUP_NOT_FOUND, "There is no such study group").on_field("groupId")
}

/// The answer to one who would have to be a member.
pub fn not_a_member(field: &str) -> ErrorBody {
    ErrorBody::new(code::GROUP_NOT_MEMBER, "Not a member of this study group").on_field(field)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn actor(number: u128, role: Role) -> Actor {
        Actor { user_id: user(number), name: "N".into(), role, avatar: None }
    }

    fn group(is_public: bool, members: &[u128]) -> Group {
        let member = |number: &u128| Member {
            user_id: user(*number),
            user_name: "N".into(),
            joined_at: OffsetDateTime::UNIX_EPOCH,
        };
        let members = members.iter().map(member).collect();
        Group { name: "EKG".into(), is_public, max_members: 3, creator_id: user(1), members }
    }

    fn refusal(result: Result<(), ErrorBody>) -> Option<String> {
        result.err().map(|error| error.code.into_owned())
    }

    #[test]
    fn a_full_group_takes_nobody_and_a_private_one_only_who_was_invited() {
        assert_eq!(refusal(group(true, &[1, 2]).may_join(false)), None);
        assert_eq!(refusal(group(true, &[1, 2, 3]).may_join(true)).as_deref(), Some(code::GROUP_FULL));
        assert_eq!(refusal(group(false, &[1]).may_join(false)).as_deref(), Some(code::GROUP_NOT_FOUND));
        assert_eq!(refusal(group(false, &[1, 2, 3]).may_join(false)).as_deref(), Some(code::GROUP_NOT_FOUND));
        assert_eq!(refusal(group(false, &[1]).may_join(true)), None);
    }

    #[test]
    fn a_group_passes_to_the_longest_standing() {
        assert_eq!(group(true, &[1, 2, 3]).owner_without(user(1)), Some(user(2)));
        assert_eq!(group(true, &[1, 2, 3]).owner_without(user(2)), Some(user(1)));
        assert_eq!(group(true, &[1]).owner_without(user(1)), None);
    }

    // The control: without ranks a mentor takes the group of a super admin from them, who is its owner.
    #[test]
    fn the_owner_and_those_who_look_after_students_remove() {
        let of = |group: &Group, actor: &Actor| refusal(group.may_remove(actor, user(1), Role::Student));
        let (open, closed) = (group(true, &[1, 2]), group(false, &[1, 2]));
        assert_eq!(of(&open, &actor(1, Role::Student)), None);
        assert_eq!(of(&open, &actor(9, Role::Mentor)), None);
        assert_eq!(of(&open, &actor(2, Role::Student)).as_deref(), Some(code::FORBIDDEN));
        assert_eq!(of(&closed, &actor(3, Role::Student)).as_deref(), Some(code::GROUP_NOT_FOUND));
        let of = |by: Actor, user, role| refusal(open.may_remove(&by, user, role));
        assert_eq!(of(actor(9, Role::Mentor), user(1), Role::SuperAdmin).as_deref(), Some(code::FORBIDDEN));
        assert_eq!(of(actor(9, Role::Mentor), user(2), Role::Mentor), None);
        assert_eq!(of(actor(9, Role::ProgramAdmin), user(2), Role::Mentor), None);
        assert_eq!(of(actor(1, Role::Student), user(2), Role::SuperAdmin), None);
    }
}
