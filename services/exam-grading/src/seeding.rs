//! Exams for a demo, read by the same importer as anybody's.

use anyhow::anyhow;
use sinaesta_clock::Clock;
use sinaesta_contracts::exam_authoring::{NewExam, NewQuestion};
use sinaesta_contracts::{ExamId, Fault, UserId};
use sinaesta_store::StoreError;
use sqlx::PgPool;
use uuid::Uuid;

use crate::domain::import::{csv, gift};
use crate::store::{exams, questions};

type Parse = fn(&str) -> Result<Vec<NewQuestion>, Vec<Fault>>;

struct SeedExam {
    /// Its own for ever, so that seeding again changes nothing.
    id: u128,
    title: &'static str,
    description: &'static str,
    specialty: &'static str,
    duration_minutes: u32,
    negative_marking_percent: u32,
    parse: Parse,
    file: &'static str,
}

const EXAMS: [SeedExam; 3] = [
    SeedExam {
        id: 0x0198_c001_0000_7000_8000_0000_0000_0001,
        title: "Tryout Kardiologi: sindrom koroner akut dan aritmia",
        description: "Dua puluh soal kasus dari bangsal dan IGD jantung, dengan pengurangan nilai untuk jawaban salah.",
        specialty: "Kardiologi",
        duration_minutes: 30,
        negative_marking_percent: 25,
        parse: csv::parse,
        file: include_str!("../seed/kardiologi.csv"),
    },
    SeedExam {
        id: 0x0198_c001_0000_7000_8000_0000_0000_0002,
        title: "Tryout Ilmu Kesehatan Anak: tumbuh kembang dan infeksi",
        description: "Dua puluh soal dari poliklinik anak dan ruang perinatologi.",
        specialty: "Ilmu Kesehatan Anak",
        duration_minutes: 30,
        negative_marking_percent: 0,
        parse: gift::parse,
        file: include_str!("../seed/kesehatan-anak.gift"),
    },
    SeedExam {
        id: 0x0198_c001_0000_7000_8000_0000_0000_0003,
        title: "Tryout Ilmu Bedah: abdomen akut dan trauma",
        description: "Dua puluh soal dari IGD bedah dan kamar operasi.",
        specialty: "Ilmu Bedah",
        duration_minutes: 40,
        negative_marking_percent: 0,
        parse: csv::parse,
        file: include_str!("../seed/bedah.csv"),
    },
];

/// Writes the demo's exams, published, where they do not exist.
pub async fn seed(pool: &PgPool, author: UserId, clock: &Clock) -> anyhow::Result<()> {
    for exam in &EXAMS {
        let id = ExamId(Uuid::from_u128(exam.id));
        let written = (exam.parse)(exam.file).map_err(|faults| anyhow!("{}: {faults:?}", exam.title))?;
        let mut db = pool.begin().await.map_err(StoreError::from)?;
        if exams::insert(&mut db, id, &new(exam)?, author, clock.now()).await? {
            questions::replace(&mut db, id, &written).await?;
            exams::publish(&mut db, id).await?;
        }
        db.commit().await.map_err(StoreError::from)?;
    }
    Ok(())
}

fn new(exam: &SeedExam) -> anyhow::Result<NewExam> {
    Ok(NewExam {
        title: exam.title.to_owned().try_into().map_err(anyhow::Error::msg)?,
        description: Some(exam.description.to_owned().try_into().map_err(anyhow::Error::msg)?),
        specialty: exam.specialty.to_owned().try_into().map_err(anyhow::Error::msg)?,
        duration_minutes: exam.duration_minutes.try_into().map_err(anyhow::Error::msg)?,
        negative_marking_percent: exam.negative_marking_percent.try_into().map_err(anyhow::Error::msg)?,
        questions: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use sinaesta_contracts::exam_authoring::Key;

    use super::*;

    #[test]
    fn each_exam_has_twenty_questions_with_their_keys_spread() {
        for exam in &EXAMS {
            let questions = (exam.parse)(exam.file).unwrap();
            assert_eq!(questions.len(), 20, "{}", exam.title);
            let single = |question: &NewQuestion| match question.key {
                Key::SingleChoice { correct } => Some(correct),
                _ => None,
            };
            let right: Vec<u16> = questions.iter().filter_map(single).collect();
            assert!(right.len() >= 16, "{} has {} single choices", exam.title, right.len());
            for letter in 0..5 {
                let times = right.iter().filter(|one| **one == letter).count();
                assert!((2..=5).contains(&times), "{}: option {letter} is right {times} times", exam.title);
            }
            assert!(questions.iter().all(|one| one.category.is_some() && one.explanation.is_some()), "{}", exam.title);
        }
    }
}
