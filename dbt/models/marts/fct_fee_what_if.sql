with trades as (
    select * from {{ ref('int_charged_trades') }}
),

tiers as (
    select * from {{ ref('fee_tiers') }}
),

scenarios as (
    select venue, tier, 'taker' as leg_role, taker_millionths as fee_millionths, valid_from from tiers
    union all
    select venue, tier, 'maker' as leg_role, maker_millionths as fee_millionths, valid_from from tiers
),

-- The same fills at another rate: a fee is proportional to its notional, and is rounded against us.
priced as (
    select
        trades.*,
        'as charged' as tier,
        'taker' as leg_role,
        trades.taker_millionths as fee_millionths,
        realised_taker_fee_usd as what_if_fee_usd
    from trades
    union all
    select
        trades.*,
        scenarios.tier,
        scenarios.leg_role,
        scenarios.fee_millionths,
        {{ scaled_fee('trades.realised_taker_fee_usd', 'scenarios.fee_millionths', 'trades.taker_millionths') }}
            as what_if_fee_usd
    from trades
    inner join scenarios
        on split_part(trades.instrument, ':', 1) = scenarios.venue
        and trades.hour_at >= scenarios.valid_from
    where trades.taker_millionths > 0
),

summed as (
    select
        cast(hour_at as date) as report_date,
        worker,
        instrument,
        pool,
        direction,
        tier,
        leg_role,
        max(fee_millionths) as fee_millionths,
        leg_role = 'maker' as is_upper_bound,
        count(*) as trades,
        cast(sum(notional_usd) as decimal(28, 8)) as notional_usd,
        cast(sum(realised_taker_fee_usd) as decimal(28, 8)) as charged_fee_usd,
        cast(sum(what_if_fee_usd) as decimal(28, 8)) as what_if_fee_usd,
        cast(sum(realised_net_usd) as decimal(28, 8)) as realised_net_usd,
        cast(sum(realised_net_usd - realised_taker_fee_usd + what_if_fee_usd) as decimal(28, 8)) as what_if_net_usd,
        cast(count(*) filter (where realised_net_usd > 0) as bigint) as winning_trades,
        cast(
            count(*) filter (where realised_net_usd - realised_taker_fee_usd + what_if_fee_usd > 0) as bigint
        ) as what_if_winning_trades
    from priced
    group by 1, worker, instrument, pool, direction, tier, leg_role
)

select * from summed
