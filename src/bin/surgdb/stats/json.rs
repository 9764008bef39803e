//! What `surgdb stats` counted, as JSON.

use crate::info;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use surgdb::Dataset;
use surgdb::dataset::{Group, Held, MediaStats, Spread, Stats};

/// All of it.
pub fn stats(dataset: &Dataset, stats: &Stats) -> Value {
    let samples = &stats.samples;
    let mut counts = Map::new();
    let mut groups = Map::new();
    for (column, by) in &samples.by {
        counts.insert(column.clone(), by.iter().map(|(value, group)| (value.clone(), json!(group.samples))).collect());
        groups.insert(column.clone(), by.iter().map(|(value, of)| (value.clone(), group(of))).collect());
    }
    let annotations = &stats.annotations;
    let labels: Map<String, Value> = annotations
        .labels
        .iter()
        .map(|(axis, labels)| (axis.clone(), json!({ "counts": labels.counts, "without_canonical_name": labels.raw })))
        .collect();
    json!({
        "conversations": counts,
        "groups": groups,
        "all": group(&samples.all),
        "turns": spread(&samples.turns),
        "text_bytes": spread(&samples.text_bytes),
        "reasoning_nodes": spread(&samples.reasoning_nodes),
        "reasoning_depth": spread(&samples.reasoning_depth),
        "reasoning_bytes": spread(&samples.reasoning_bytes),
        "reasoning_levels": samples.reasoning_levels,
        "reasoning_origins": samples.reasoning_origins,
        "media": spread(&samples.media),
        "outputs": samples.outputs,
        "with_alternatives": samples.alternatives,
        "with_grounding": samples.grounded,
        "grounding": samples.grounding,
        "frames": media(&stats.frames),
        "videos": media(&stats.videos),
        "annotations": {
            "count": annotations.count,
            "sources": annotations.sources,
            "splits": annotations.splits,
            "origins": annotations.origins,
            "statuses": annotations.statuses,
            "stretches": annotations.stretches,
            "boxes": annotations.boxes,
            "masks": annotations.masks,
            "outlines": annotations.outlines,
        },
        "labels": labels,
        "bytes": { "version": info::version_size(dataset.manifest()), "tables": info::table_sizes(dataset.manifest()) },
    })
}

fn group(group: &Group) -> Value {
    json!({
        "samples": group.samples,
        "turns": group.turns,
        "text_bytes": group.text_bytes,
        "reasoned": group.reasoned,
        "reasoning_nodes": group.reasoning_nodes,
        "reasoning_bytes": group.reasoning_bytes,
        "reasoning_depth": group.reasoning_depth,
        "media": group.media,
        "missing": group.missing,
        "media_bytes": group.media_bytes,
    })
}

fn spread(spread: &Spread) -> Value {
    json!({
        "conversations": spread.count,
        "total": spread.total,
        "mean": spread.mean(),
        "median": spread.quantile(0.5),
        "p95": spread.quantile(0.95),
        "most": spread.most,
    })
}

fn media(media: &MediaStats) -> Value {
    let held = |by: &BTreeMap<String, Held>| -> Map<String, Value> {
        let values = by.iter().map(|(name, held)| {
            let Held { count, missing, unnamed, bytes, .. } = held;
            (name.clone(), json!({ "count": count, "missing": missing, "unnamed": unnamed, "bytes": bytes }))
        });
        values.collect()
    };
    let kinds: Map<String, Value> = media.kinds.iter().map(|(kind, held)| (kind.clone(), json!(held.count))).collect();
    let mut sizes: Vec<_> = media.sizes.iter().collect();
    sizes.sort_by_key(|(size, count)| (std::cmp::Reverse(**count), **size));
    let sizes = sizes.into_iter().map(|((width, height), count)| json!([width, height, count]));
    json!({
        "count": media.all.count,
        "missing": media.all.missing,
        "unnamed": media.all.unnamed,
        "bytes": media.all.bytes,
        "kinds": kinds,
        "by_kind": held(&media.kinds),
        "sources": held(&media.sources),
        "origins": media.origins,
        "sizes": sizes.collect::<Vec<_>>(),
        "other_sizes": media.other_sizes,
        "without_size": media.without_size,
        "seconds": media.seconds,
    })
}
