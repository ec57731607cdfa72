with measured as (
    select * from {{ ref('stg_lake__lead_lag') }}
),

judged as (
    select
        hour_at,
        cast(hour_at as date) as report_date,
        worker,
        instrument,
        pool,
        instrument_moves,
        pool_moves,
        case
            when contrast is null or contrast = 0 then 'unknown'
            when lag_ns > 0 then 'cex'
            when lag_ns < 0 then 'pool'
            else 'neither'
        end as leader,
        lag_ns,
        contrast,
        contrast_at_zero,
        lead_ratio
    from measured
)

select * from judged
