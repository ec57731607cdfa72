with source as (
    select * from {{ source('lake', 'opportunities') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        opportunity_id,
        instrument,
        pool,
        direction,
        opened_ns,
        {{ at('opened_ns') }} as opened_at,
        peaked_ns,
        {{ at('peaked_ns') }} as peaked_at,
        closed_ns,
        {{ at('closed_ns') }} as closed_at,
        closed_ns - opened_ns as duration_ns,
        close_reason,
        opened_slot,
        updates,
        {{ from_e8('opening_size_e8') }} as opening_size,
        {{ from_e8('opening_notional_usd_e8') }} as opening_notional_usd,
        {{ stack_as_money('opening') }},
        {{ from_centibps('opening_net_edge_centibps') }} as opening_net_edge_bps,
        {{ from_e8('peak_size_e8') }} as peak_size,
        {{ from_e8('peak_notional_usd_e8') }} as peak_notional_usd,
        {{ stack_as_money('peak') }},
        {{ from_centibps('peak_net_edge_centibps') }} as peak_net_edge_bps,
        cex_age_ns,
        pool_age_ns,
        received_ns
    from source
)

select * from renamed
