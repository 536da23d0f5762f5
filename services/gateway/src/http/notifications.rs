//! `/api/notifications` and `/api/push`: what somebody wants to be told, and in which browsers.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use sinaesta_contracts::notification::{
    ListNotifications, NotificationPage, NotificationPreferences, PreferencesChanged, PushKey, ReadPreferences,
    ReadPushKey, SetPreferences, SubscribePush, UnsubscribePush,
};

use super::caller::Caller;
use super::payload::{Body, Created, Parameters, Reply};
use crate::Gateway;

pub(super) fn routes() -> ApiRouter<Arc<Gateway>> {
    let preferences = get_with(read_preferences, says("Read what one wants to be told"))
        .put_with(set_preferences, says("Set what one wants to be told, of the types that are given"));
    let subscriptions = post_with(subscribe, says("Be told in this browser while it is closed"))
        .delete_with(unsubscribe, says("Be told in this browser no more"));
    ApiRouter::new()
        .api_route("/api/notifications", get_with(list, says("List one's notifications, newest first")))
        .api_route("/api/notifications/preferences", preferences)
        .api_route("/api/push/key", get_with(key, says("Read the key to subscribe a browser with")))
        .api_route("/api/push/subscriptions", subscriptions)
}

fn says(summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |operation| operation.summary(summary).tag("notifications")
}

async fn list(caller: Caller, Parameters(query): Parameters<ListNotifications>) -> Reply<NotificationPage> {
    caller.ask(&query).await
}

async fn read_preferences(caller: Caller) -> Reply<NotificationPreferences> {
    caller.ask(&ReadPreferences {}).await
}

async fn set_preferences(caller: Caller, Body(preferences): Body<SetPreferences>) -> Reply<PreferencesChanged> {
    caller.command(&preferences).await
}

async fn key(caller: Caller) -> Reply<PushKey> {
    caller.ask(&ReadPushKey {}).await
}

async fn subscribe(caller: Caller, Body(subscription): Body<SubscribePush>) -> Created<()> {
    Created(caller.command(&subscription).await)
}

async fn unsubscribe(caller: Caller, Body(subscription): Body<UnsubscribePush>) -> Reply<()> {
    caller.command(&subscription).await
}
