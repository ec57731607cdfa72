with source as (
    select * from {{ source('lake', 'cycle_opportunities') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        opportunity_id,
        cycle,
        split_part(cycle, '|', 1) as venue,
        split_part(split_part(cycle, '|', 2), '>', 1) as home_asset,
        opened_ns,
        {{ at('opened_ns') }} as opened_at,
        peaked_ns,
        {{ at('peaked_ns') }} as peaked_at,
        closed_ns,
        {{ at('closed_ns') }} as closed_at,
        closed_ns - opened_ns as duration_ns,
        close_reason,
        updates,
        {{ from_e8('opening_spent_e8') }} as opening_spent_usd,
        {{ from_e8('opening_returned_e8') }} as opening_returned_usd,
        {{ from_e8('opening_dust_value_e8') }} as opening_dust_value_usd,
        {{ from_e8('opening_gross_e8') }} as opening_gross_usd,
        {{ from_e8('opening_fee_e8') }} as opening_fee_usd,
        {{ from_e8('opening_slippage_e8') }} as opening_slippage_usd,
        {{ from_e8('opening_net_e8') }} as opening_net_usd,
        {{ from_centibps('opening_net_edge_centibps') }} as opening_net_edge_bps,
        opening_legs,
        {{ from_e8('peak_spent_e8') }} as peak_spent_usd,
        {{ from_e8('peak_returned_e8') }} as peak_returned_usd,
        {{ from_e8('peak_dust_value_e8') }} as peak_dust_value_usd,
        {{ from_e8('peak_gross_e8') }} as peak_gross_usd,
        {{ from_e8('peak_fee_e8') }} as peak_fee_usd,
        {{ from_e8('peak_slippage_e8') }} as peak_slippage_usd,
        {{ from_e8('peak_net_e8') }} as peak_net_usd,
        {{ from_centibps('peak_net_edge_centibps') }} as peak_net_edge_bps,
        peak_legs,
        received_ns
    from source
)

select * from renamed
