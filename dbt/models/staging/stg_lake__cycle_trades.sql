with source as (
    select * from {{ source('lake', 'cycle_trades') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        trade_id,
        opportunity_id,
        cycle,
        split_part(cycle, '|', 1) as venue,
        split_part(split_part(cycle, '|', 2), '>', 1) as home_asset,
        latency_ns,
        decided_ns,
        {{ at('decided_ns') }} as decided_at,
        completed_ns,
        {{ at('completed_ns') }} as completed_at,
        {{ from_e8('predicted_spent_e8') }} as predicted_spent_usd,
        {{ from_e8('predicted_returned_e8') }} as predicted_returned_usd,
        {{ from_e8('predicted_dust_value_e8') }} as predicted_dust_value_usd,
        {{ from_e8('predicted_gross_e8') }} as predicted_gross_usd,
        {{ from_e8('predicted_fee_e8') }} as predicted_fee_usd,
        {{ from_e8('predicted_slippage_e8') }} as predicted_slippage_usd,
        {{ from_e8('predicted_net_e8') }} as predicted_net_usd,
        {{ from_centibps('predicted_net_edge_centibps') }} as predicted_net_edge_bps,
        predicted_legs,
        {{ from_e8('realised_spent_e8') }} as realised_spent_usd,
        {{ from_e8('realised_returned_e8') }} as realised_returned_usd,
        {{ from_e8('realised_dust_value_e8') }} as realised_dust_value_usd,
        {{ from_e8('realised_net_e8') }} as realised_net_usd,
        received_ns
    from source
)

select * from renamed
