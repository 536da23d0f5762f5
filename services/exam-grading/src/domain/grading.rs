//! What answers are worth: a pure function, so that the same answers grade the same forever.

use sinaesta_contracts::Points;
use sinaesta_contracts::exam::Answer;
use sinaesta_contracts::exam_authoring::Key;
use sinaesta_contracts::exam_grading::CategoryScore;
use sinaesta_mutants::mutant;

/// What grading needs to know of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyedQuestion {
    pub points: Points,
    pub category: Option<String>,
    pub key: Key,
}

/// An exam's key.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerKey {
    /// 1, and one more with each correction.
    pub version: u32,
    /// What a wrong answer takes away, in hundredths of its question's points; 0 to 100.
    pub negative_marking_percent: u8,
    /// In the order of their indexes.
    pub questions: Vec<KeyedQuestion>,
}

/// What a sheet of answers is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Grade {
    /// The sum over all questions, but never less than 0.
    pub score: Points,
    pub max_score: Points,
    /// `score` of `max_score`, with two decimals.
    pub percentage: f64,
    /// Questions whose full points were earned.
    pub correct_count: u16,
    pub total_questions: u16,
    /// By category, in the order in which they first appear. Here negative marking may lead below 0.
    pub breakdown: Vec<CategoryScore>,
}

/// What an answer earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earned {
    All,
    Part(Points),
    Nothing,
}

/// Grades `answers`, by question index; what is missing at the end was not answered.
pub fn grade(key: &AnswerKey, answers: &[Option<Answer>]) -> Grade {
    let (mut sum, mut max_score, mut correct_count) = (Points::ZERO, Points::ZERO, 0);
    let mut breakdown: Vec<CategoryScore> = Vec::new();
    for (index, question) in key.questions.iter().enumerate() {
        let answer = answers.get(index).and_then(Option::as_ref);
        let points = mark(question, answer, key.negative_marking_percent);
        sum += points;
        max_score += question.points;
        correct_count += u16::from(points == question.points);
        if let Some(name) = &question.category {
            add(&mut breakdown, name, points, question.points);
        }
    }
    let score = mutant!("grading-below-zero", sum, sum.max(Points::ZERO));
    let percentage = Points::from_hundredths(10_000).share(score.hundredths(), max_score.hundredths());
    let total_questions = u16::try_from(key.questions.len()).unwrap_or(u16::MAX);
    Grade { score, max_score, percentage: percentage.into(), correct_count, total_questions, breakdown }
}

fn add(breakdown: &mut Vec<CategoryScore>, name: &str, points: Points, most: Points) {
    let correct = u16::from(points == most);
    match breakdown.iter_mut().find(|one| one.category == name) {
        Some(category) => {
            category.score += points;
            category.max_score += most;
            category.correct_count += correct;
            category.total_questions += 1;
        }
        None => breakdown.push(CategoryScore {
            category: name.to_owned(),
            score: points,
            max_score: most,
            correct_count: correct,
            total_questions: 1,
        }),
    }
}

/// The points of one answer: an answer that earns nothing costs what negative marking says, no answer costs nothing.
fn mark(question: &KeyedQuestion, answer: Option<&Answer>, negative_marking_percent: u8) -> Points {
    let wrong = -question.points.share(i64::from(negative_marking_percent), 100);
    let Some(answer) = answer else { return mutant!("grading-unanswered-costs", wrong, Points::ZERO) };
    match earned(question, answer) {
        Earned::All => question.points,
        Earned::Part(points) => points,
        Earned::Nothing => wrong,
    }
}

fn earned(question: &KeyedQuestion, answer: &Answer) -> Earned {
    let all_or_nothing = |is_right| if is_right { Earned::All } else { Earned::Nothing };
    match (&question.key, answer) {
        (Key::SingleChoice { correct }, Answer::Number(chosen)) => {
            all_or_nothing(chosen.as_u64() == Some(u64::from(*correct)))
        }
        (Key::TrueFalse { correct }, Answer::Number(chosen)) => {
            all_or_nothing(chosen.as_u64() == Some(u64::from(!*correct ^ mutant!("grading-true-is-false"))))
        }
        (Key::Numeric { value, tolerance }, Answer::Number(given)) => {
            all_or_nothing(given.as_f64().is_some_and(|given| is_within(given, *value, *tolerance)))
        }
        (Key::SeveralCorrect { correct }, Answer::Several(chosen)) => several(question.points, correct, chosen),
        // An answer that does not fit its question is not stored; were it, it would be wrong.
        _ => Earned::Nothing,
    }
}

/// Each right option chosen earns its share, each wrong one loses as much.
fn several(points: Points, correct: &[u16], chosen: &[u16]) -> Earned {
    let right = chosen.iter().filter(|option| correct.contains(option)).count();
    let wrong = chosen.len() - right;
    let (right, wrong, all) = (right as i64, wrong as i64, correct.len() as i64);
    if wrong == 0 && right == all {
        return Earned::All;
    }
    // Points of a hundredth or so may round a share to nothing, or to everything.
    match points.share(right - mutant!("grading-wrong-choices-cost-nothing", 0, wrong), all) {
        part if part <= Points::ZERO => Earned::Nothing,
        part => Earned::Part(part.min(points - Points::from_hundredths(1))),
    }
}

/// Within the tolerance, or within what writing a decimal number in binary takes from it.
fn is_within(given: f64, value: f64, tolerance: f64) -> bool {
    let slack = 4.0 * f64::EPSILON * given.abs().max(value.abs()).max(tolerance);
    let distance = (given - value).abs();
    mutant!("grading-tolerance-without-its-ends", distance < tolerance, distance <= tolerance + slack)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn question(key: Key, points: i64) -> KeyedQuestion {
        KeyedQuestion { points: Points::from_hundredths(points), category: None, key }
    }

    fn key(questions: Vec<KeyedQuestion>, negative_marking_percent: u8) -> AnswerKey {
        AnswerKey { version: 1, negative_marking_percent, questions }
    }

    fn number(n: u64) -> Option<Answer> {
        Some(Answer::Number(n.into()))
    }

    fn decimal(n: f64) -> Option<Answer> {
        serde_json::Number::from_f64(n).map(Answer::Number)
    }

    #[test]
    fn each_kind_of_question_is_marked_by_its_rule() {
        let single = question(Key::SingleChoice { correct: 2 }, 100);
        let is_true = question(Key::TrueFalse { correct: true }, 100);
        let numeric = question(Key::Numeric { value: 0.3, tolerance: 0.1 }, 200);
        let several = question(Key::SeveralCorrect { correct: vec![0, 2, 3] }, 300);
        let chosen = |options: &[u16]| Some(Answer::Several(options.to_vec()));
        for (question, answer, hundredths) in [
            (&single, number(2), 100),
            (&single, number(1), -25),
            (&single, None, 0),
            (&is_true, number(0), 100),
            (&is_true, number(1), -25),
            (&numeric, decimal(0.2), 200),
            (&numeric, decimal(0.4), 200),
            (&numeric, decimal(0.41), -50),
            (&several, chosen(&[0, 2, 3]), 300),
            (&several, chosen(&[0, 2]), 200),
            (&several, chosen(&[0, 1, 2]), 100),
            (&several, chosen(&[0, 1]), -75),
            (&several, chosen(&[0, 1, 2, 3]), 200),
            (&several, chosen(&[1]), -75),
        ] {
            let points = mark(question, answer.as_ref(), 25);
            assert_eq!(points.hundredths(), hundredths, "{:?}, {answer:?}", question.key);
        }
    }

    #[test]
    fn the_sum_is_never_below_zero_and_categories_add_up() {
        let mut questions: Vec<_> = (0..4).map(|_| question(Key::SingleChoice { correct: 0 }, 100)).collect();
        questions[0].category = Some("A".into());
        questions[1].category = Some("B".into());
        questions[2].category = Some("A".into());
        let key = key(questions, 100);
        let grade = grade(&key, &[number(0), number(1), number(1), number(1)]);
        assert_eq!((grade.score, grade.correct_count, grade.total_questions), (Points::ZERO, 1, 4));
        let of = |name: &str| grade.breakdown.iter().find(|one| one.category == name).unwrap();
        assert_eq!((of("A").score, of("A").correct_count, of("A").total_questions), (Points::ZERO, 1, 2));
        assert_eq!(of("B").score, -Points::ONE);
    }

    #[test]
    fn a_percentage_has_two_decimals() {
        let key = key((0..3).map(|_| question(Key::SingleChoice { correct: 0 }, 100)).collect(), 0);
        assert!((grade(&key, &[number(0)]).percentage - 33.33).abs() < f64::EPSILON);
        assert!(grade(&super::AnswerKey { questions: vec![], ..key }, &[]).percentage.abs() < f64::EPSILON);
    }

    fn any_question() -> impl Strategy<Value = KeyedQuestion> {
        let key = prop_oneof![
            (0u16..5).prop_map(|correct| Key::SingleChoice { correct }),
            any::<bool>().prop_map(|correct| Key::TrueFalse { correct }),
            proptest::sample::subsequence(vec![0u16, 1, 2, 3, 4], 1..=5)
                .prop_map(|correct| Key::SeveralCorrect { correct }),
            (-100i32..100, 0u8..10).prop_map(|(value, tolerance)| Key::Numeric {
                value: f64::from(value) / 8.0,
                tolerance: f64::from(tolerance) / 8.0
            }),
        ];
        (key, 1i64..1_000, proptest::option::of("[AB]")).prop_map(|(key, hundredths, category)| KeyedQuestion {
            points: Points::from_hundredths(hundredths),
            category,
            key,
        })
    }

    fn any_answer() -> impl Strategy<Value = Option<Answer>> {
        proptest::option::of(prop_oneof![
            (0u64..6).prop_map(|index| Answer::Number(index.into())),
            (-800i32..800).prop_map(|n| decimal(f64::from(n) / 8.0).unwrap()),
            proptest::sample::subsequence(vec![0u16, 1, 2, 3, 4], 1..=5).prop_map(Answer::Several),
        ])
    }

    fn right(question: &KeyedQuestion) -> Option<Answer> {
        match &question.key {
            Key::SingleChoice { correct } => number(u64::from(*correct)),
            Key::TrueFalse { correct } => number(u64::from(!*correct)),
            Key::SeveralCorrect { correct } => Some(Answer::Several(correct.clone())),
            Key::Numeric { value, .. } => decimal(*value),
        }
    }

    proptest! {
        #[test]
        fn a_score_is_between_nothing_and_everything(
            sheet in prop::collection::vec((any_question(), any_answer()), 0..40),
            percent in 0u8..=100,
        ) {
            let (questions, answers): (Vec<_>, Vec<_>) = sheet.into_iter().unzip();
            let key = key(questions, percent);
            let grade = grade(&key, &answers);
            prop_assert!(Points::ZERO <= grade.score && grade.score <= grade.max_score);
            prop_assert!((0.0..=100.0).contains(&grade.percentage));
            prop_assert!(grade.correct_count <= grade.total_questions);
            prop_assert_eq!(&grade, &super::grade(&key, &answers));
        }

        #[test]
        fn all_right_is_everything_and_nothing_answered_is_nothing(
            questions in prop::collection::vec(any_question(), 1..40),
            percent in 0u8..=100,
        ) {
            let answers: Vec<_> = questions.iter().map(right).collect();
            let key = key(questions, percent);
            let full = grade(&key, &answers);
            prop_assert_eq!(full.score, full.max_score);
            prop_assert_eq!(full.correct_count, full.total_questions);
            prop_assert_eq!(grade(&key, &[]).score, Points::ZERO);
        }

        #[test]
        fn a_right_answer_is_never_worth_less_than_another(
            question in any_question(), answer in any_answer(), percent in 0u8..=100,
        ) {
            let best = mark(&question, right(&question).as_ref(), percent);
            prop_assert!(mark(&question, answer.as_ref(), percent) <= best);
        }

        #[test]
        fn the_order_of_questions_does_not_matter(
            sheet in prop::collection::vec((any_question(), any_answer()), 0..20),
        ) {
            let (questions, answers): (Vec<_>, Vec<_>) = sheet.iter().cloned().unzip();
            let (back, forth): (Vec<_>, Vec<_>) = sheet.into_iter().rev().unzip();
            let one = grade(&key(questions, 50), &answers);
            let other = grade(&key(back, 50), &forth);
            prop_assert_eq!((one.score, one.correct_count), (other.score, other.correct_count));
        }
    }
}
