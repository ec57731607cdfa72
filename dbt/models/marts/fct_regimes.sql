with conditions as (
    select * from {{ ref('int_market_conditions') }}
),

episodes as (
    select
        worker,
        unnest([instrument, pool]) as market,
        opened_ns // 60000000000 * 60000000000 as minute_ns,
        duration_ns,
        cast(peak_net_edge_bps as double) as peak_edge_bps
    from {{ ref('fct_opportunities') }}
    where reconciliation_status = 'matched'
),

by_minute as (
    select
        worker,
        market,
        minute_ns,
        count(*) as episodes,
        list(peak_edge_bps) as peak_edges_bps,
        list(duration_ns) as durations_ns
    from episodes
    group by worker, market, minute_ns
),

trades as (
    select
        worker,
        unnest([instrument, pool]) as market,
        decided_ns // 60000000000 * 60000000000 as minute_ns,
        realised_net_usd
    from {{ ref('fct_simulated_trades') }}
    where is_primary
),

traded as (
    select
        worker,
        market,
        minute_ns,
        count(*) as trades,
        cast(count(*) filter (where realised_net_usd > 0) as bigint) as winning_trades,
        sum(realised_net_usd) as realised_net_usd
    from trades
    group by worker, market, minute_ns
),

joined as (
    select
        conditions.*,
        coalesce(by_minute.episodes, 0) as episodes,
        by_minute.peak_edges_bps,
        by_minute.durations_ns,
        coalesce(traded.trades, 0) as trades,
        coalesce(traded.winning_trades, 0) as winning_trades,
        coalesce(traded.realised_net_usd, 0) as realised_net_usd
    from conditions
    left join by_minute using (worker, market, minute_ns)
    left join traded using (worker, market, minute_ns)
),

correlated as (
    select
        report_date,
        worker,
        market,
        measure,
        -- Undefined where one of the two never changes. In the order of time, because sums of floats hang on theirs.
        case
            when min(value) < max(value) and min(episodes) < max(episodes)
                then corr(value, episodes order by minute_ns)
        end as correlation
    from joined
    where regime <> 'excluded'
    group by report_date, worker, market, measure
),

summed as (
    select
        report_date,
        worker,
        market,
        measure,
        regime,
        count(*) as minutes,
        {{ rounded('min(value)', 4) }} as lowest_value,
        {{ rounded('max(value)', 4) }} as highest_value,
        cast(sum(episodes) as bigint) as episodes,
        {{ rounded('sum(episodes) * 60.0 / count(*)', 2) }} as episodes_per_hour,
        {{ rounded('list_median(flatten(list(peak_edges_bps)))', 2) }} as peak_edge_bps_p50,
        cast(round(list_median(flatten(list(durations_ns)))) as bigint) as lifetime_p50_ns,
        cast(sum(trades) as bigint) as trades,
        cast(sum(winning_trades) as bigint) as winning_trades,
        cast(sum(realised_net_usd) as decimal(28, 8)) as realised_net_usd
    from joined
    group by report_date, worker, market, measure, regime
),

labelled as (
    select summed.*, {{ rounded('correlated.correlation', 4) }} as episode_correlation
    from summed
    left join correlated using (report_date, worker, market, measure)
)

select * from labelled
