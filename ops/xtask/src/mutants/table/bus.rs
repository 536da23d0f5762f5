//! The bus: acknowledgement, order, ownership, what fails, what is told.

use super::{Mutant, client, mutant, unit};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "bus-batch-told-in-reverse",
        "what a batch tells is published with the last command first",
        unit("bus", "deliveries_come_in_order"),
    ),
    mutant(
        "bus-deliveries-of-a-command-reversed",
        "the deliveries of one command are published with the last one first",
        client("chat", "what waited for the service is done in its order"),
    ),
    mutant(
        "bus-dead-letter-lost",
        "a command that is given up is acknowledged, and put nowhere",
        unit("bus", "poison_is_answered"),
    ),
    mutant(
        "bus-dead-letters-share-ids",
        "dead letters of two services at one place of their queues are one",
        unit("bus", "dead_letters_of_two_services"),
    ),
    mutant(
        "bus-acknowledged-before-told",
        "a command leaves the queue before the broker has stored what it tells",
        unit("bus", "what_could_not_be_told"),
    ),
    mutant(
        "bus-acknowledged-out-of-order",
        "a round is acknowledged though one before it is not",
        unit("bus", "what_could_not_be_told"),
    ),
    mutant("bus-never-acknowledged", "what was done stays in the queue", unit("bus", "what_could_not_be_told")),
    mutant(
        "bus-dead-letter-not-answered",
        "whoever sent a command that is given up hears nothing",
        unit("bus", "poison_is_answered"),
    ),
    mutant(
        "bus-too-large-answer-sent",
        "an answer that the broker does not take is sent all the same",
        client("failing", "chat: what is too large when it is told"),
    ),
    mutant(
        "bus-held-is-counted",
        "waiting for a row that another holds counts as a failure",
        unit("bus", "what_waits_for_a_row"),
    ),
    mutant("bus-tried-for-ever", "a command that always fails is never given up", unit("bus", "what_always_fails")),
    mutant(
        "bus-suspects-stay-together",
        "a batch in which a process ended is run as a batch again",
        unit("bus", "failures::"),
    ),
    mutant(
        "bus-ends-the-process-for-ever",
        "a command that ends the process is never given up",
        unit("bus", "what_ends_the_process"),
    ),
    mutant(
        "bus-kinds-of-a-key-overtake",
        "a command overtakes one of another kind with the same key",
        unit("bus", "queue::"),
    ),
    mutant("bus-key-run-twice-at-once", "two rounds with one key run at the same time", unit("bus", "queue::")),
    mutant("bus-put-back-at-the-end", "what is put back comes after what followed it", unit("bus", "queue::")),
    mutant(
        "bus-parked-is-overtaken",
        "what follows a command that is tried again goes before it",
        unit("bus", "what_may_succeed_later keys_that_are_stuck"),
    ),
    mutant("bus-slow-holds-up-all", "nothing runs beside a slow round", unit("bus", "what_is_slow")),
    mutant(
        "bus-runs-what-it-lost",
        "a replica begins commands of a partition that another owns",
        unit("bus", "what_was_taken_before_a_break"),
    ),
    mutant(
        "bus-keeps-partitions-over-a-reconnect",
        "a replica goes on with its partitions though the broker may have given them to another",
        unit("bus", "what_was_taken_before_a_break"),
    ),
    mutant(
        "bus-key-that-was-left-goes-on",
        "what follows a command that is left to the next owner is done before it",
        unit("bus", "an_orderly_stop_keeps"),
    ),
    mutant(
        "bus-handover-not-noted",
        "an orderly stop looks like one that a command caused",
        unit("bus", "orderly_restarts"),
    ),
    mutant(
        "bus-dead-replica-keeps-its-partitions",
        "what a dead replica owned is nobody's",
        unit("bus", "a_dead_replicas_partitions"),
    ),
    mutant(
        "bus-unheard-after-a-reconnect-is-gone",
        "after a reconnect the others count as gone before they could be heard",
        unit("bus", "whoever_was_cut_off"),
    ),
    mutant(
        "bus-first-replica-keeps-all",
        "the first replica gives the others nothing",
        unit("bus", "partitions_are_shared"),
    ),
    mutant(
        "bus-new-ids-when-told-again",
        "what is told again after a crash has other ids, so that the broker takes it for new",
        client("failing", "what comes again under its id"),
    ),
    mutant(
        "bus-deliveries-share-an-id",
        "of several deliveries of one command the broker stores the first",
        client("exams", "a proctor gives time"),
    ),
    mutant(
        "bus-too-large-delivery-vanishes",
        "a delivery that the broker does not take is missed by all, and nobody resynchronises",
        unit("bus", "what_is_too_large"),
    ),
    mutant("bus-seq-not-sent", "a message goes to its room without its place", unit("bus", "deliveries_come_in_order")),
    mutant(
        "bus-except-not-sent",
        "a delivery passes over nobody",
        client("chat", "the others hear of somebody who enters, once"),
    ),
    mutant(
        "bus-repeat-has-another-id",
        "a command that is sent again is another one",
        unit("bus", "a_broker_that_is_killed"),
    ),
    mutant(
        "bus-unconfirmed-counts-as-not-sent",
        "a command that may be stored is answered as refused",
        unit("bus", "what_the_broker_may_have"),
    ),
    mutant("bus-full-queue-not-told", "a full queue is waited for instead of told", unit("bus", "a_full_queue")),
    mutant(
        "bus-gap-not-read",
        "what got lost on its way to a gateway is not read from the stream",
        unit("bus", "what_got_lost"),
    ),
    mutant(
        "bus-failed-event-is-dropped",
        "an event that fails once is not heard again",
        client("failing", "boards: a result that violates an index"),
    ),
    mutant(
        "bus-event-tells-in-reverse",
        "what follows from an event is published with the last first",
        unit("bus", "every_listening_service"),
    ),
    mutant(
        "bus-event-acknowledged-though-it-failed",
        "an event whose handling failed counts as heard",
        unit("bus", "stuck:: events::"),
    ),
    mutant(
        "bus-query-worked-on-for-nobody",
        "a query is worked on though nobody waits for it any more",
        unit("bus", "what_nobody_waits_for"),
    ),
    mutant(
        "bus-away-broker-makes-gateways-silent",
        "gateways count as lost though it was the broker that was away",
        unit("bus", "when_it_was_the_broker"),
    ),
    mutant(
        "bus-clock-that-was-set-unnoticed",
        "services go on by a clock that the broker has no more",
        unit("bus", "a_broker_whose_clock_is_set"),
    ),
    mutant(
        "bus-follower-not-told-of-a-gap",
        "who follows events is not told that some may be missing",
        unit("bus", "a_follower_hears"),
    ),
];
