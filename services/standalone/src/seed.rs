use sinaesta_contracts::{Role, RoomId, UserId};
use sinaesta_localstack::{Postgres, Roles};

/// Somebody to sign in as on a local stack.
pub(crate) struct DemoUser {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) email: &'static str,
    pub(crate) role: Role,
    pub(crate) specialty: Option<&'static str>,
}

pub(crate) const STUDENT: DemoUser = DemoUser {
    id: "0198c000-0000-7000-8000-000000000001",
    name: "Putri Maharani",
    email: "putri.maharani@example.id",
    role: Role::Student,
    specialty: Some("Ilmu Penyakit Dalam"),
};

pub(crate) const MENTOR: DemoUser = DemoUser {
    id: "0198c000-0000-7000-8000-000000000002",
    name: "dr. Bagus Santoso, Sp.PD",
    email: "bagus.santoso@example.id",
    role: Role::Mentor,
    specialty: Some("Ilmu Penyakit Dalam"),
};

pub(crate) const ADMIN: DemoUser = DemoUser {
    id: "0198c000-0000-7000-8000-000000000003",
    name: "Ratna Wulandari",
    email: "ratna.wulandari@example.id",
    role: Role::SuperAdmin,
    specialty: None,
};

const OTHERS: [DemoUser; 4] = [
    DemoUser {
        id: "0198c000-0000-7000-8000-000000000004",
        name: "Rizky Pratama",
        email: "rizky.pratama@example.id",
        role: Role::Student,
        specialty: Some("Ilmu Bedah"),
    },
    DemoUser {
        id: "0198c000-0000-7000-8000-000000000005",
        name: "Ayu Lestari",
        email: "ayu.lestari@example.id",
        role: Role::Student,
        specialty: Some("Ilmu Kesehatan Anak"),
    },
    DemoUser {
        id: "0198c000-0000-7000-8000-000000000006",
        name: "dr. Siti Nurhaliza Harahap, Sp.A",
        email: "siti.harahap@example.id",
        role: Role::Mentor,
        specialty: Some("Ilmu Kesehatan Anak"),
    },
    DemoUser {
        id: "0198c000-0000-7000-8000-000000000007",
        name: "Hendra Gunawan",
        email: "hendra.gunawan@example.id",
        role: Role::ProgramAdmin,
        specialty: None,
    },
];

/// Ids of the three users that ready-made tokens exist for.
pub(crate) fn ids() -> Roles {
    Roles { student: STUDENT.id.into(), mentor: MENTOR.id.into(), admin: ADMIN.id.into() }
}

/// Ids of all demo users: those with ready-made tokens come first.
pub(crate) fn everybody() -> impl Iterator<Item = &'static str> {
    [STUDENT, MENTOR, ADMIN].into_iter().chain(OTHERS).map(|user| user.id)
}

/// Writes the demo users; those already there are left as they are.
pub(crate) async fn run(postgres: &Postgres, database: &str) -> anyhow::Result<()> {
    postgres.execute(database, &insert_users()).await?;
    Ok(())
}

fn insert_users() -> String {
    let rows: Vec<String> = [STUDENT, MENTOR, ADMIN]
        .iter()
        .chain(&OTHERS)
        .map(|user| {
            let texts = [Some(user.id), Some(user.name), Some(user.email), Some(user.role.as_str())];
            let values: Vec<_> = texts.into_iter().chain([user.specialty]).map(literal).collect();
            format!("({})", values.join(", "))
        })
        .collect();
    format!(
        "insert into users (id, name, email, role, specialty) values {} \
         on conflict (id) do nothing",
        rows.join(", ")
    )
}

fn literal(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), |text| format!("'{}'", text.replace('\'', "''")))
}

/// Who wrote the demo's exams.
pub(crate) fn author() -> anyhow::Result<UserId> {
    Ok(UserId(uuid::Uuid::parse_str(ADMIN.id)?))
}

/// Rooms to meet in.
pub(crate) fn rooms() -> anyhow::Result<Vec<RoomId>> {
    let rooms = ["lobby", "penyakit-dalam", "bedah", "kesehatan-anak"];
    Ok(rooms.into_iter().map(str::parse).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_demo_user_has_an_id_and_an_address_of_their_own() {
        let users: Vec<_> = [STUDENT, MENTOR, ADMIN].into_iter().chain(OTHERS).collect();
        let ids: HashSet<_> = users.iter().map(|user| user.id).collect();
        let emails: HashSet<_> = users.iter().map(|user| user.email).collect();
        assert_eq!((ids.len(), emails.len()), (users.len(), users.len()));
        assert!(ids.iter().all(|id| uuid::Uuid::parse_str(id).is_ok()));
    }

    #[test]
    fn text_is_quoted() {
        assert_eq!(literal(Some("d'Arc")), "'d''Arc'");
        assert_eq!(literal(None), "null");
    }
}
