with trades as (
    select * from {{ ref('stg_lake__cycle_trades') }}
),

reconciled as (
    select * from {{ ref('stg_lake__reconciliation') }} where output_table in ('cycle_trades', 'cycle_legs')
),

-- A turn counts only with every one of its legs equal live and replayed.
doubtful as (
    select distinct worker, run_id, split_part(identity, '|', 1) as trade_id
    from reconciled
    where status <> 'matched'
),

agreed as (
    select reconciled.hour_ns, reconciled.hour_at, reconciled.worker, reconciled.run_id, reconciled.identity as trade_id
    from reconciled
    left join doubtful
        on reconciled.worker = doubtful.worker
        and reconciled.run_id = doubtful.run_id
        and reconciled.identity = doubtful.trade_id
    where reconciled.output_table = 'cycle_trades' and reconciled.status = 'matched' and doubtful.trade_id is null
),

runs as (
    select hour_ns, worker, run_id, primary_latency_ns from {{ ref('stg_lake__replay_runs') }}
),

legs as (
    select
        worker,
        run_id,
        trade_id,
        count(*) as legs,
        count(*) filter (where status = 'filled') as filled_legs
    from {{ ref('stg_lake__cycle_legs') }}
    group by worker, run_id, trade_id
),

joined as (
    select
        trades.*,
        agreed.hour_ns,
        agreed.hour_at,
        cast(agreed.hour_at as date) as report_date,
        trades.latency_ns = runs.primary_latency_ns as is_primary,
        coalesce(legs.legs, 0) as legs,
        case
            when trades.realised_spent_usd = 0 then 'nothing_filled'
            when trades.realised_returned_usd = 0 then 'broken_off'
            when legs.filled_legs = 3 then 'all_filled'
            else 'partly_filled'
        end as outcome
    from trades
    inner join agreed using (worker, run_id, trade_id)
    inner join runs using (hour_ns, worker, run_id)
    left join legs using (worker, run_id, trade_id)
)

select * from joined
