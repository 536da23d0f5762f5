//! What one user can multiply has an end.

use super::*;
use crate::handlers::send_notification;
use sinaesta_contracts::code;

async fn bench(sent: i64, unread: i64) -> Bench {
    let mut bench = Bench::start().await;
    let mut settings = (*bench.context.settings).clone();
    (settings.sent_per_user_daily, settings.unread_per_user) = (sent, unread);
    bench.context.settings = Arc::new(settings);
    bench
}

/// The control: without `may_send` all of them are sent.
#[tokio::test]
async fn a_user_sends_so_many_notifications_a_day() {
    let bench = bench(3, 100).await;
    let (one, other) = (bench.user(1, Role::Student).await, bench.user(2, Role::Student).await);
    let handler = send_notification::Handler(bench.context.clone());
    let send =
        |number: u128, who: &Actor, seconds| command(number, who, note(&number.to_string(), Priority::Low), seconds);
    let codes = |came: Vec<Came>| came.iter().map(|(answer, _)| answer["error"]["code"].clone()).collect::<Vec<_>>();
    let batch: Vec<_> = (11..=14).map(|number| send(number, &one, 0)).collect();
    let too_many = json!(code::NOTIFICATION_TOO_MANY);
    let answers = apply(&handler, &batch).await;
    assert_eq!(answers[3].0["error"]["retryAfterMs"], 86_400_000);
    assert_eq!(codes(answers), [Value::Null, Value::Null, Value::Null, too_many.clone()]);
    let later = [send(15, &one, 60), send(16, &other, 60), again(&batch[0])];
    assert_eq!(codes(apply(&handler, &later).await), [too_many, Value::Null, Value::Null]);
    assert_eq!(codes(apply(&handler, &[send(17, &one, 86_401)]).await), [Value::Null]);
    assert_eq!(bench.unread(&one).await, ["11", "12", "13", "17"]);
}

/// The control: without `read_oldest` all of them stay unread.
#[tokio::test]
async fn of_too_many_unread_ones_the_oldest_are_read() {
    let bench = bench(100, 2).await;
    let (one, other) = (bench.user(1, Role::Student).await, bench.user(2, Role::Student).await);
    let handler = send_notification::Handler(bench.context.clone());
    for number in 11..=15_u128 {
        let seconds = i64::try_from(number).unwrap();
        let send = |who: &Actor, id| command(id, who, note(&number.to_string(), Priority::Low), seconds);
        let both = [send(&one, number), send(&other, number + 100)];
        let batch = if number < 13 { &both[..] } else { &both[..1] };
        apply(&handler, batch).await;
    }
    assert_eq!(bench.unread(&one).await, ["14", "15"]);
    assert_eq!(bench.unread(&other).await, ["11", "12"]);
}
