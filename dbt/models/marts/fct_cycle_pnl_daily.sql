with trades as (
    select * from {{ ref('int_agreed_cycle_trades') }}
),

daily as (
    select
        report_date,
        worker,
        venue,
        cycle,
        latency_ns,
        bool_or(is_primary) as is_primary,
        count(*) as trades,
        count(*) filter (where realised_net_usd > 0) as winning_trades,
        count(*) filter (where outcome = 'broken_off') as broken_off_trades,
        cast(sum(predicted_gross_usd) as decimal(28, 8)) as predicted_gross_usd,
        cast(sum(predicted_fee_usd) as decimal(28, 8)) as predicted_fee_usd,
        cast(sum(predicted_slippage_usd) as decimal(28, 8)) as predicted_slippage_usd,
        cast(sum(predicted_net_usd) as decimal(28, 8)) as predicted_net_usd,
        cast(sum(realised_spent_usd) as decimal(28, 8)) as realised_spent_usd,
        cast(sum(realised_returned_usd) as decimal(28, 8)) as realised_returned_usd,
        cast(sum(realised_dust_value_usd) as decimal(28, 8)) as realised_dust_value_usd,
        cast(sum(realised_net_usd) as decimal(28, 8)) as realised_net_usd
    from trades
    group by report_date, worker, venue, cycle, latency_ns
)

select * from daily
