with trades as (
    select * from {{ ref('fct_simulated_trades') }}
),

rungs as (
    select
        report_date,
        worker,
        instrument,
        pool,
        direction,
        latency_ns,
        bool_or(is_primary) as is_primary,
        count(*) as trades,
        cast(count(*) filter (where realised_net_usd > 0) as bigint) as winning_trades,
        cast(count(*) filter (where outcome = 'both_filled') as bigint) as both_filled_trades,
        cast(sum(notional_usd) as decimal(28, 8)) as notional_usd,
        cast(sum(predicted_net_usd) as decimal(28, 8)) as predicted_net_usd,
        cast(sum(realised_net_usd) as decimal(28, 8)) as realised_net_usd,
        {{ share_bps('sum(predicted_net_usd)', 'sum(notional_usd)') }} as predicted_edge_bps,
        {{ share_bps('sum(realised_net_usd)', 'sum(notional_usd)') }} as realised_edge_bps,
        {{ share_pct('sum(realised_net_usd)', 'sum(predicted_net_usd)') }} as kept_pct,
        {{ rounded('quantile_cont(cast(realised_net_bps as double), 0.1)', 2) }} as realised_edge_bps_p10,
        {{ rounded('quantile_cont(cast(realised_net_bps as double), 0.5)', 2) }} as realised_edge_bps_p50,
        {{ rounded('quantile_cont(cast(realised_net_bps as double), 0.9)', 2) }} as realised_edge_bps_p90
    from trades
    group by report_date, worker, instrument, pool, direction, latency_ns
),

stepped as (
    select
        *,
        first_value(cast(realised_edge_bps as double)) over ladder / 2 as half_edge,
        cast(realised_edge_bps as double) as edge,
        lag(cast(realised_edge_bps as double)) over ladder as previous_edge,
        lag(latency_ns) over ladder as previous_latency_ns
    from rungs
    window ladder as (partition by report_date, worker, instrument, pool, direction order by latency_ns)
),

-- The first step on which the edge falls to half of what the fastest rung kept, linearly between the two rungs.
halved as (
    select
        report_date,
        worker,
        instrument,
        pool,
        direction,
        cast(
            arg_min(
                previous_latency_ns
                + (latency_ns - previous_latency_ns) * (previous_edge - half_edge) / (previous_edge - edge),
                latency_ns
            ) as bigint
        ) as half_life_ns
    from stepped
    where half_edge > 0 and previous_edge > half_edge and edge <= half_edge
    group by report_date, worker, instrument, pool, direction
),

joined as (
    select rungs.*, halved.half_life_ns
    from rungs
    left join halved using (report_date, worker, instrument, pool, direction)
)

select * from joined
