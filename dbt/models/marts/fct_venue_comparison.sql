with completeness as (
    select * from {{ ref('fct_completeness') }}
),

quality as (
    select * from {{ ref('fct_feed_quality') }} where market is not null
),

minutes as (
    select * from {{ ref('stg_lake__market_minutes') }}
),

opportunities as (
    select *, unnest([instrument, pool]) as market from {{ ref('fct_opportunities') }}
),

trades as (
    select *, unnest([instrument, pool]) as market from {{ ref('fct_simulated_trades') }} where is_primary
),

watched as (
    select
        report_date,
        worker,
        market,
        min(feed) as feed,
        count(*) as hours,
        cast(count(*) filter (where status = 'missing') as bigint) as missing_hours,
        {{ rounded('avg(completeness_pct)', 4) }} as completeness_pct,
        cast(sum(gaps) as bigint) as gaps,
        cast(sum(gap_ns) as bigint) as gap_ns,
        cast(sum(downtime_ns) as bigint) as downtime_ns,
        {{ share_pct('sum(crossed_ns)', 'count(*) * 3600000000000') }} as crossed_pct
    from completeness
    group by report_date, worker, market
),

delayed as (
    select
        report_date,
        worker,
        market,
        cast(sum(events) as bigint) as events,
        max(delay_p50_ns) as delay_p50_ns,
        max(delay_p99_ns) as delay_p99_ns,
        min(clock_offset_ns) as clock_offset_ns
    from quality
    group by report_date, worker, market
),

priced as (
    select
        cast(hour_at as date) as report_date,
        worker,
        market,
        cast(count(*) filter (where trusted_seconds = 60) as bigint) as whole_minutes,
        {{ rounded('avg(volatility_bps) filter (where trusted_seconds = 60)', 2) }} as volatility_bps,
        {{ rounded('avg(spread_bps) filter (where trusted_seconds = 60)', 2) }} as spread_bps,
        cast(sum(volume) as decimal(28, 8)) as volume
    from minutes
    group by 1, worker, market
),

shown as (
    select
        report_date,
        worker,
        market,
        count(*) as opportunities,
        cast(count(*) filter (where reconciliation_status = 'matched') as bigint) as opportunities_matched
    from opportunities
    group by report_date, worker, market
),

booked as (
    select
        report_date,
        worker,
        market,
        count(*) as trades,
        cast(count(*) filter (where realised_net_usd > 0) as bigint) as winning_trades,
        cast(sum(notional_usd) as decimal(28, 8)) as notional_usd,
        cast(sum(predicted_net_usd) as decimal(28, 8)) as predicted_net_usd,
        cast(sum(realised_net_usd) as decimal(28, 8)) as realised_net_usd,
        cast(sum(realised_taker_fee_usd) as decimal(28, 8)) as taker_fee_usd,
        cast(sum(realised_pool_fee_usd) as decimal(28, 8)) as pool_fee_usd,
        {{ share_bps('sum(realised_slippage_usd)', 'sum(notional_usd)') }} as slippage_bps,
        {{ share_bps('sum(realised_price_impact_usd)', 'sum(notional_usd)') }} as price_impact_bps
    from trades
    group by report_date, worker, market
),

joined as (
    select
        watched.report_date,
        watched.worker,
        split_part(watched.market, ':', 1) as venue,
        watched.market,
        watched.feed,
        watched.hours,
        watched.missing_hours,
        watched.completeness_pct,
        watched.gaps,
        watched.gap_ns,
        watched.downtime_ns,
        watched.crossed_pct,
        coalesce(delayed.events, 0) as events,
        delayed.delay_p50_ns,
        delayed.delay_p99_ns,
        delayed.clock_offset_ns,
        coalesce(priced.whole_minutes, 0) as whole_minutes,
        priced.volatility_bps,
        priced.spread_bps,
        priced.volume,
        coalesce(shown.opportunities, 0) as opportunities,
        coalesce(shown.opportunities_matched, 0) as opportunities_matched,
        coalesce(booked.trades, 0) as trades,
        coalesce(booked.winning_trades, 0) as winning_trades,
        coalesce(booked.notional_usd, 0) as notional_usd,
        coalesce(booked.predicted_net_usd, 0) as predicted_net_usd,
        coalesce(booked.realised_net_usd, 0) as realised_net_usd,
        coalesce(booked.taker_fee_usd, 0) as taker_fee_usd,
        coalesce(booked.pool_fee_usd, 0) as pool_fee_usd,
        booked.slippage_bps,
        booked.price_impact_bps
    from watched
    left join delayed using (report_date, worker, market)
    left join priced using (report_date, worker, market)
    left join shown using (report_date, worker, market)
    left join booked using (report_date, worker, market)
)

select * from joined
