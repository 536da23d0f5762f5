//! What a question may be, and which answers fit it.

use serde_json::Number;
use sinaesta_contracts::exam::{Answer, MAX_QUESTIONS, Question, QuestionKind};
pub use sinaesta_contracts::exam_authoring::MAX_OPTIONS;
use sinaesta_contracts::exam_authoring::{Key, MAX_CATEGORY, MAX_OPTION, MAX_POINTS, MAX_TEXT, NewQuestion};
use sinaesta_contracts::{ErrorBody, Fault, Points, code};

/// A new question as it is stored. One that is corrected may have its options in any order: students have seen them.
pub fn checked_new(question: NewQuestion) -> Result<NewQuestion, String> {
    match (&question.key, question.options.as_slice()) {
        (Key::TrueFalse { .. }, [first, second]) if is_turned(first, second) => {
            Err("the first of its options must be the one for true, the second the one for false".to_owned())
        }
        _ => checked(question),
    }
}

/// A question as it is stored: the options of a true-or-false one filled in. The error says what is wrong with it.
pub fn checked(mut question: NewQuestion) -> Result<NewQuestion, String> {
    if matches!(question.key, Key::TrueFalse { .. }) && question.options.is_empty() {
        question.options = vec!["True".to_owned(), "False".to_owned()];
    }
    check_texts(&question)?;
    if question.points <= Points::ZERO || question.points > MAX_POINTS {
        return Err(format!("its points must be more than 0 and up to {MAX_POINTS}"));
    }
    check_key(&question.key, question.options.len())?;
    if let Key::SeveralCorrect { correct } = &mut question.key {
        correct.sort_unstable();
    }
    Ok(question)
}

/// The same for a list of them; the faults are numbered by question. Of one that is too long nothing else is told.
pub fn all_checked(questions: Vec<NewQuestion>) -> Result<Vec<NewQuestion>, Vec<Fault>> {
    if questions.len() > MAX_QUESTIONS {
        return Err(vec![Fault { line: MAX_QUESTIONS as u32 + 1, reason: too_many() }]);
    }
    let mut faults = Vec::new();
    let mut good = Vec::with_capacity(questions.len());
    for (line, question) in (1..).zip(questions) {
        match checked_new(question) {
            Ok(question) => good.push(question),
            Err(reason) => faults.push(Fault { line, reason }),
        }
    }
    if faults.is_empty() { Ok(good) } else { Err(faults) }
}

/// What is said of a file with more questions than an exam may have.
pub fn too_many() -> String {
    format!("an exam has up to {MAX_QUESTIONS} questions")
}

fn check_texts(question: &NewQuestion) -> Result<(), String> {
    bounded("its text", &question.text, MAX_TEXT)?;
    if question.options.len() > MAX_OPTIONS {
        return Err(format!("it has {} options, but must have 2 to {MAX_OPTIONS}", question.options.len()));
    }
    for (index, option) in question.options.iter().enumerate() {
        bounded(&format!("option {}", index + 1), option, MAX_OPTION)?;
    }
    if let Some(double) =
        question.options.iter().enumerate().find(|(i, one)| question.options.iter().take(*i).any(|o| o == *one))
    {
        return Err(format!("option {} stands there twice", double.0 + 1));
    }
    for (what, text, most) in
        [("its category", &question.category, MAX_CATEGORY), ("its explanation", &question.explanation, MAX_TEXT)]
    {
        if let Some(text) = text {
            bounded(what, text, most)?;
        }
    }
    Ok(())
}

fn bounded(what: &str, text: &str, most: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{what} is empty"));
    }
    if text.chars().count() > most {
        return Err(format!("{what} has more than {most} characters"));
    }
    if text.contains('\0') {
        return Err(format!("{what} contains the character U+0000"));
    }
    Ok(())
}

fn check_key(key: &Key, options: usize) -> Result<(), String> {
    let is_option = |index: &u16| usize::from(*index) < options;
    match key {
        Key::SingleChoice { .. } | Key::SeveralCorrect { .. } if !(2..=MAX_OPTIONS).contains(&options) => {
            Err(format!("it has {options} options, but must have 2 to {MAX_OPTIONS}"))
        }
        Key::SingleChoice { correct } if !is_option(correct) => Err("its key names an option that it lacks".to_owned()),
        Key::SeveralCorrect { correct } if !correct.iter().all(is_option) => {
            Err("its key names an option that it lacks".to_owned())
        }
        Key::SeveralCorrect { correct } if correct.is_empty() => Err("none of its options is right".to_owned()),
        Key::SeveralCorrect { correct } if has_double(correct) => Err("its key names an option twice".to_owned()),
        Key::TrueFalse { .. } if options != 2 => Err("a true-or-false question has two options".to_owned()),
        Key::Numeric { .. } if options != 0 => Err("a numeric question has no options".to_owned()),
        Key::Numeric { value, tolerance } if !value.is_finite() || !tolerance.is_finite() || *tolerance < 0.0 => {
            Err("its key must be a number, with a tolerance of 0 or more".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether the two options of a true-or-false question stand the other way round: what is chosen of them counts by its place.
pub fn is_turned(first: &str, second: &str) -> bool {
    says(first) == Some(false) || says(second) == Some(true)
}

/// What a word says of a statement, in the languages of those who write exams here. `T` is true in one of them, and
/// *tidak* in the other.
pub fn says(word: &str) -> Option<bool> {
    match word.trim().to_lowercase().as_str() {
        "true" | "yes" | "y" | "benar" | "betul" | "b" | "ya" => Some(true),
        "false" | "f" | "no" | "n" | "salah" | "s" | "tidak" | "bukan" => Some(false),
        _ => None,
    }
}

fn has_double(indexes: &[u16]) -> bool {
    indexes.iter().enumerate().any(|(at, index)| indexes.iter().take(at).any(|other| other == index))
}

/// The answer in the one form in which it is stored, if it fits the question.
pub fn fitting(question: &Question, answer: Answer) -> Result<Answer, ErrorBody> {
    let options = question.options.len();
    match (question.kind, answer) {
        (QuestionKind::SingleChoice | QuestionKind::TrueFalse, Answer::Number(number)) => index(&number)
            .filter(|index| usize::from(*index) < options)
            .map(|index| Answer::Number(index.into()))
            .ok_or_else(|| unfit(format!("must be the index of one of its {options} options"))),
        (QuestionKind::SeveralCorrect, Answer::Several(mut chosen)) => {
            chosen.sort_unstable();
            let fits = !chosen.is_empty() && !has_double(&chosen) && chosen.iter().all(|i| usize::from(*i) < options);
            if fits { Ok(Answer::Several(chosen)) } else { Err(unfit_list(options)) }
        }
        // One option of several, by a client that knows only numbers.
        (QuestionKind::SeveralCorrect, Answer::Number(number)) => index(&number)
            .filter(|index| usize::from(*index) < options)
            .map(|index| Answer::Several(vec![index]))
            .ok_or_else(|| unfit_list(options)),
        (QuestionKind::Numeric, Answer::Number(number)) => Ok(Answer::Number(plain(number))),
        (QuestionKind::SingleChoice | QuestionKind::TrueFalse, Answer::Several(_)) => {
            Err(unfit("must be the index of one option, not a list".to_owned()))
        }
        (QuestionKind::Numeric, Answer::Several(_)) => Err(unfit("must be a number, not a list".to_owned())),
    }
}

fn index(number: &Number) -> Option<u16> {
    // `2.0` is the same number as `2`.
    plain(number.clone()).as_u64().and_then(|index| u16::try_from(index).ok())
}

/// A number in the one form in which it comes back from the database: whole ones without a fraction, and no negative 0.
fn plain(number: Number) -> Number {
    match number.as_f64() {
        Some(value) if value.fract() == 0.0 && value.abs() < 9e18 => Number::from(value as i64),
        _ => number,
    }
}

fn unfit(rule: String) -> ErrorBody {
    ErrorBody::new(code::EXAM_INVALID_ANSWER, format!("The answer {rule}")).on_field("answer")
}

fn unfit_list(options: usize) -> ErrorBody {
    unfit(format!("must be a list of indexes of its {options} options, each once; null takes it back"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(key: Key, options: &[&str]) -> NewQuestion {
        NewQuestion {
            text: "Which?".into(),
            options: options.iter().map(|&option| option.into()).collect(),
            key,
            points: Points::ONE,
            category: None,
            explanation: None,
        }
    }

    #[test]
    fn what_can_not_be_a_question_is_refused() {
        let bad = [
            new(Key::SingleChoice { correct: 2 }, &["a", "b"]),
            new(Key::SingleChoice { correct: 0 }, &["a"]),
            new(Key::SingleChoice { correct: 0 }, &["a", "a"]),
            new(Key::SingleChoice { correct: 0 }, &["a", " "]),
            new(Key::SeveralCorrect { correct: vec![] }, &["a", "b"]),
            new(Key::SeveralCorrect { correct: vec![1, 1] }, &["a", "b"]),
            new(Key::SeveralCorrect { correct: vec![0, 2] }, &["a", "b"]),
            new(Key::TrueFalse { correct: true }, &["a", "b", "c"]),
            new(Key::Numeric { value: 1.0, tolerance: 0.0 }, &["a", "b"]),
            new(Key::Numeric { value: f64::NAN, tolerance: 0.0 }, &[]),
            new(Key::Numeric { value: 1.0, tolerance: -0.1 }, &[]),
            NewQuestion { points: Points::ZERO, ..new(Key::SingleChoice { correct: 0 }, &["a", "b"]) },
            NewQuestion { text: " \n".into(), ..new(Key::SingleChoice { correct: 0 }, &["a", "b"]) },
        ];
        for question in bad {
            assert!(checked(question.clone()).is_err(), "{question:?} was accepted");
        }
        assert_eq!(checked(new(Key::TrueFalse { correct: true }, &[])).unwrap().options, ["True", "False"]);
        // The control: the key was about "False".
        for turned in [["False", "True"], ["Salah", "Benar"], ["Mungkin", "ya"], ["TIDAK ", "Mungkin"]] {
            for correct in [true, false] {
                let question = new(Key::TrueFalse { correct }, &turned);
                assert!(checked_new(question.clone()).is_err(), "{turned:?}");
                assert!(checked(question).is_ok(), "what students have seen can be corrected: {turned:?}");
            }
        }
    }

    #[test]
    fn an_answer_fits_its_question_or_is_refused() {
        let question = |kind, options: &[&str]| Question {
            index: 0,
            kind,
            text: "Which?".into(),
            options: options.iter().map(|&option| option.into()).collect(),
            points: Points::ONE,
            category: None,
        };
        let single = question(QuestionKind::SingleChoice, &["a", "b", "c"]);
        let several = question(QuestionKind::SeveralCorrect, &["a", "b", "c"]);
        let numeric = question(QuestionKind::Numeric, &[]);
        let read = |json: &str| serde_json::from_str::<Answer>(json).unwrap();
        for (question, json, stored) in [
            (&single, "2", Some("2")),
            (&single, "2.0", Some("2")),
            (&single, "3", None),
            (&single, "3.0", None),
            (&single, "-1", None),
            (&single, "1.5", None),
            (&single, "[1]", None),
            (&several, "[2,0]", Some("[0,2]")),
            (&several, "1", Some("[1]")),
            (&several, "1.0", Some("[1]")),
            (&several, "[]", None),
            (&several, "[1,1]", None),
            (&several, "[3]", None),
            (&numeric, "-7.25", Some("-7.25")),
            (&numeric, "1e16", Some("10000000000000000")),
            (&numeric, "-0.0", Some("0")),
            (&numeric, "7.0", Some("7")),
            (&numeric, "1e300", Some("1e+300")),
            (&numeric, "[1]", None),
        ] {
            let fitted = fitting(question, read(json)).ok().map(|answer| serde_json::to_string(&answer).unwrap());
            assert_eq!(fitted.as_deref(), stored, "{json} for {:?}", question.kind);
        }
    }
}
