//! The order of stacked attributes means nothing.

use crate::tests::Source;
use crate::tests::sample::SAMPLES;

#[test]
fn every_order_of_attributes_gives_the_same_tokens() {
    for sample in SAMPLES {
        let source = Source::parse(sample.source);
        let expected = source.expand().to_string();
        for order in orders(source.ours.len()) {
            let mut permuted = source.clone();
            permuted.ours = order
                .iter()
                .map(|index| source.ours[*index].clone())
                .collect();
            assert_eq!(
                permuted.expand().to_string(),
                expected,
                "{} {order:?}",
                sample.name
            );
        }
    }
}

/// All orders of `0..count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![vec![]];
    for next in 0..count {
        orders = orders
            .into_iter()
            .flat_map(|order| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, next);
                    longer
                })
            })
            .collect();
    }
    orders
}
