with snapshots as (
    select * from {{ ref('stg_lake__inventory_snapshots') }}
),

closed_hours as (
    select * from {{ ref('int_closed_hours') }}
),

valued as (
    select
        snapshots.worker,
        snapshots.run_id,
        snapshots.snapshot_at,
        snapshots.received_ns as snapshot_ns,
        closed_hours.hour_at,
        closed_hours.report_date,
        snapshots.venue,
        snapshots.asset,
        snapshots.total,
        snapshots.reserved,
        snapshots.target,
        snapshots.drift,
        snapshots.arriving,
        snapshots.price_usd,
        {{ times_price('snapshots.total', 'snapshots.price_usd') }} as value_usd,
        {{ times_price('snapshots.drift', 'snapshots.price_usd') }} as drift_usd,
        {{ share_pct('snapshots.drift', 'snapshots.target') }} as drift_pct
    from snapshots
    inner join closed_hours using (hour_ns, worker)
)

select * from valued
