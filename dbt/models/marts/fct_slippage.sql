with trades as (
    select * from {{ ref('fct_simulated_trades') }}
),

bucketed as (
    select
        *,
        case
            when notional_usd < 100 then 'below_100'
            when notional_usd < 300 then '100_to_300'
            when notional_usd < 1000 then '300_to_1000'
            else '1000_and_more'
        end as notional_bucket,
        predicted_slippage_usd + predicted_price_impact_usd as predicted_movement_usd,
        realised_slippage_usd + realised_price_impact_usd as realised_movement_usd
    from trades
),

summed as (
    select
        hour_at,
        report_date,
        worker,
        instrument,
        pool,
        split_part(instrument, ':', 1) as cex_venue,
        split_part(pool, ':', 1) as pool_venue,
        direction,
        latency_ns,
        notional_bucket,
        count(*) as trades,
        cast(sum(notional_usd) as decimal(28, 8)) as notional_usd,
        cast(sum(predicted_slippage_usd) as decimal(28, 8)) as predicted_slippage_usd,
        cast(sum(realised_slippage_usd) as decimal(28, 8)) as realised_slippage_usd,
        cast(sum(predicted_price_impact_usd) as decimal(28, 8)) as predicted_price_impact_usd,
        cast(sum(realised_price_impact_usd) as decimal(28, 8)) as realised_price_impact_usd,
        cast(sum(realised_movement_usd) - sum(predicted_movement_usd) as decimal(28, 8)) as unexpected_usd,
        {{ share_bps('sum(predicted_movement_usd)', 'sum(notional_usd)') }} as predicted_bps,
        {{ share_bps('sum(realised_movement_usd)', 'sum(notional_usd)') }} as realised_bps
    from bucketed
    group by all
)

select * from summed
