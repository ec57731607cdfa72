with source as (
    select * from {{ source('lake', 'lead_lag') }}
),

renamed as (
    select
        hour_ns,
        {{ at('hour_ns') }} as hour_at,
        worker,
        instrument,
        pool,
        instrument_moves,
        pool_moves,
        lag_ns,
        {{ from_millionths('contrast_millionths') }} as contrast,
        {{ from_millionths('contrast_at_zero_millionths') }} as contrast_at_zero,
        {{ from_millionths('ratio_millionths') }} as lead_ratio
    from source
)

select * from renamed
