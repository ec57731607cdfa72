with minutes as (
    select * from {{ ref('stg_lake__market_minutes') }}
),

measured as (
    select
        cast(hour_at as date) as report_date,
        worker,
        market,
        minute_ns,
        trusted_seconds = 60 as is_whole,
        unnest(['volatility', 'spread', 'volume']) as measure,
        unnest([cast(volatility_bps as double), cast(spread_bps as double), cast(volume as double)]) as value
    from minutes
),

-- Thirds of the market's own whole minutes of the day; nothing is compared with a minute that was not watched.
thirds as (
    select
        report_date,
        worker,
        market,
        measure,
        quantile_disc(value, 1.0 / 3) as lower_third,
        quantile_disc(value, 2.0 / 3) as upper_third
    from measured
    where is_whole and value is not null
    group by report_date, worker, market, measure
),

bucketed as (
    select
        measured.*,
        case
            when not is_whole or value is null then 'excluded'
            when value <= lower_third then 'low'
            when value <= upper_third then 'medium'
            else 'high'
        end as regime
    from measured
    inner join thirds using (report_date, worker, market, measure)
)

select * from bucketed
