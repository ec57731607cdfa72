with source as (
    select * from {{ source('lake', 'attribution') }}
),

renamed as (
    select
        hour_ns,
        {{ at('hour_ns') }} as hour_at,
        worker,
        run_id,
        opportunity_id,
        instrument,
        pool,
        direction,
        opened_ns,
        {{ at('opened_ns') }} as opened_at,
        {{ from_centibps('opening_cex_centibps') }} as opening_cex_bps,
        {{ from_centibps('opening_pool_centibps') }} as opening_pool_bps,
        {{ from_centibps('closing_cex_centibps') }} as closing_cex_bps,
        {{ from_centibps('closing_pool_centibps') }} as closing_pool_bps,
        opened_by,
        closed_by
    from source
)

select * from renamed
