//! What people send as JSON or in a query string, read into the contract's types. Whatever is wrong is said in the contract's
//! words, with the field that is at fault.

pub(crate) mod parameters;
mod rules;
mod whole;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use sinaesta_contracts::{ErrorBody, code};

type Failed = serde_path_to_error::Error<serde_json::Error>;

/// Reads JSON. Whole numbers may be written with a fraction of nothing: that is looked for only in what could not be read.
pub(crate) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, ErrorBody> {
    match attempt(json)? {
        Ok(value) => Ok(value),
        Err(failed) if failed.inner().is_data() => match whole::written_as_digits(json) {
            Some(json) => attempt(&json)?.map_err(|failed| describe(&json, &failed)),
            None => Err(describe(json, &failed)),
        },
        Err(failed) => Err(describe(json, &failed)),
    }
}

fn attempt<T: DeserializeOwned>(json: &str) -> Result<Result<T, Failed>, ErrorBody> {
    let mut reader = serde_json::Deserializer::from_str(json);
    match serde_path_to_error::deserialize(&mut reader) {
        Ok(_) if reader.end().is_err() => {
            Err(ErrorBody::new(code::INVALID_PAYLOAD, "Something follows the JSON value"))
        }
        read => Ok(read),
    }
}

fn describe(json: &str, failed: &Failed) -> ErrorBody {
    let text = failed.inner().to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(before, _)| before);
    let path = failed.path().to_string();
    match failed.inner().classify() {
        // A word was due, and something else stands there.
        Category::Syntax if text == "expected value" && serde_json::from_str::<IgnoredAny>(json).is_ok() => {
            rules::broken(&path, rules::TEXT)
        }
        Category::Syntax | Category::Eof | Category::Io => rules::unreadable(text),
        Category::Data => rules::describe(&path, text),
    }
}

#[cfg(test)]
mod tests {
    use sinaesta_contracts::chat::JoinRoom;
    use sinaesta_contracts::exam::{Answer, SaveAnswer, SaveProgress};
    use sinaesta_contracts::exam_authoring::{CoAuthors, NewExam, NewQuestion, Schedule};
    use sinaesta_contracts::notification::{ListNotifications, SendNotification};
    use sinaesta_contracts::presence::SetStatus;

    use super::*;

    const EXAM: &str = "0199a0f0-0000-7000-8000-000000000001";

    fn refusal<T: DeserializeOwned>(json: &str) -> (String, Option<String>) {
        match parse::<T>(json) {
            Ok(_) => panic!("{json} was accepted"),
            Err(error) => (error.message.into_owned(), error.field),
        }
    }

    /// The control: `expected u16`, `floating point`, `data did not match any variant`, `line 1 column 9` stood there.
    #[test]
    fn what_is_wrong_is_said_in_the_words_of_the_contract() {
        let answer = |rest: &str| refusal::<SaveAnswer>(&format!(r#"{{"examId":"{EXAM}",{rest}}}"#));
        let question = |rest: &str| refusal::<Vec<NewQuestion>>(&format!(r#"[{{"text":"x",{rest}}}]"#));
        let progress = |rest: &str| refusal::<SaveProgress>(&format!(r#"{{"examId":"{EXAM}",{rest}}}"#));
        let index = "must be a whole number from 0 to 65535";
        for ((message, field), expected) in [
            (answer(r#""answer":1"#), ("questionIndex is missing", "questionIndex")),
            (answer(r#""questionIndex":"1","answer":1"#), (&*format!("questionIndex: {index}"), "questionIndex")),
            (answer(r#""questionIndex":1.5,"answer":1"#), (&*format!("questionIndex: {index}"), "questionIndex")),
            (answer(r#""questionIndex":1e300,"answer":1"#), (&*format!("questionIndex: {index}"), "questionIndex")),
            (answer(r#""questionIndex":-1.0,"answer":1"#), (&*format!("questionIndex: {index}"), "questionIndex")),
            (answer(r#""questionIndex":65536.0,"answer":1"#), (&*format!("questionIndex: {index}"), "questionIndex")),
            (
                answer(r#""questionIndex":1,"answer":[0.5]"#),
                ("answer: must be a number, a list of options' indexes, or null", "answer"),
            ),
            (
                answer(r#""questionIndex":1,"questionIndex":1,"answer":1"#),
                ("questionIndex stands there twice", "questionIndex"),
            ),
            (
                refusal::<JoinRoom>(r#"{"roomId":"a","sinceSeq":-1}"#),
                ("sinceSeq: must be a whole number from 0 to 4294967295", "sinceSeq"),
            ),
            (
                refusal::<SetStatus>(r#"{"status":"gone"}"#),
                ("status: must be one of `online`, `away`, `busy`, `dnd`", "status"),
            ),
            (refusal::<SetStatus>(r#"{"status":7}"#), ("status: must be text", "status")),
            (refusal::<SetStatus>(r#"{"status":null}"#), ("status: must be text", "status")),
            (refusal::<SetStatus>(r#"{"status":{}}"#), ("status: must be text", "status")),
            (
                refusal::<SendNotification>(r#"{"type":"SYSTEM","title":true,"message":"x"}"#),
                ("title: must be text", "title"),
            ),
            (refusal::<ListNotifications>(r#"{"limit":0}"#), ("limit: must be 1 to 100", "limit")),
            (refusal::<ListNotifications>(r#"{"unreadOnly":1}"#), ("unreadOnly: must be true or false", "unreadOnly")),
            (refusal::<CoAuthors>(r#"{"coAuthors":["x"]}"#), ("coAuthors[0]: must be a UUID", "coAuthors[0]")),
            (refusal::<CoAuthors>(r#"{"coAuthors":[7]}"#), ("coAuthors[0]: must be a UUID", "coAuthors[0]")),
            (refusal::<CoAuthors>(r#"{"coAuthors":{}}"#), ("coAuthors: must be a list", "coAuthors")),
            (refusal::<CoAuthors>(r#"{"coauthors":[]}"#), ("coauthors is not known", "coauthors")),
            (question(r#""key":{"correct":0}"#), ("[0].key.kind is missing", "[0].key.kind")),
            (question(r#""key":7"#), ("[0].key: must be an object", "[0].key")),
            (
                question(r#""key":{"kind":"essay"}"#),
                (
                    "[0].key.kind: must be one of `single-choice`, `several-correct`, `true-false`, `numeric`",
                    "[0].key.kind",
                ),
            ),
            (question(r#""key":{"kind":"numeric","value":"x"}"#), ("[0].key: must be a number", "[0].key")),
            (question(r#""key":{"kind":"true-false","correct":"x"}"#), ("[0].key: must be true or false", "[0].key")),
            (
                question(r#""key":{"kind":"numeric","value":1},"points":"x""#),
                ("[0].points: must be a number", "[0].points"),
            ),
            (refusal::<Schedule>(r#"{"scheduledStart":1}"#), ("scheduledStart: must be text", "scheduledStart")),
            (progress(r#""answers":7"#), ("answers: must be a list", "answers")),
        ] {
            assert_eq!((&*message, field.as_deref()), (expected.0, Some(expected.1)));
        }
        for (message, expected) in [
            (refusal::<NewExam>("7").0, "The payload must be an object"),
            (refusal::<Vec<NewQuestion>>("{}").0, "The payload must be a list"),
            (refusal::<NewExam>("{\"title\":\n").0, "This is not JSON"),
            (refusal::<NewExam>("").0, "This is not JSON"),
            (refusal::<NewExam>("{}x").0, "title is missing"),
            (refusal::<NewExam>(r#"{"title":"\ud800"}"#).0, "A text in the JSON has an escape that is no character"),
            (refusal::<NewExam>(r#"{"durationMinutes":1e999}"#).0, "A number in the JSON is too large"),
            (refusal::<serde_json::Value>(&"[".repeat(200)).0, "The JSON is nested too deeply"),
        ] {
            assert_eq!(message, expected);
        }
    }

    /// The control: without the second attempt each of these is refused.
    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
        let answer = |index: &str, answer: &str| {
            let json = format!(r#"{{"examId":"{EXAM}","questionIndex":{index},"answer":{answer},"x":"5.0 \" 5.0"}}"#);
            parse::<SaveAnswer>(&json).unwrap()
        };
        for (index, expected) in
            [("5.0", 5), ("5", 5), ("5.000", 5), ("5e0", 5), ("0.5e1", 5), ("-0.0", 0), ("1.5E+2", 150)]
        {
            assert_eq!(answer(index, "1").question_index, expected, "{index}");
        }
        assert_eq!(answer("5.0", "[2.0,0]").answer, Some(Answer::Several(vec![2, 0])));
        let exam = r#"{"title":"5.0","specialty":"x","durationMinutes":60.0,"negativeMarkingPercent":25.0,
            "questions":[{"text":"1.0","options":["2.0","3.0"],"key":{"kind":"single-choice","correct":1.0},"points":2.0},
            {"text":"x","options":["a","b"],"key":{"kind":"several-correct","correct":[0.0,1.0]},"points":2.5}]}"#;
        let exam: NewExam = parse(exam).unwrap();
        assert_eq!((exam.duration_minutes.get(), exam.title.as_str()), (60, "5.0"));
        assert_eq!(exam.questions[0].options, ["2.0", "3.0"]);
        assert_eq!(exam.questions[1].points.hundredths(), 250);
    }
}
