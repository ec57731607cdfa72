with source as (
    select * from {{ source('lake', 'rebalancing_recommendations') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        received_ns,
        {{ at('received_ns') }} as recommended_at,
        received_ns // 3600000000000 * 3600000000000 as hour_ns,
        assets,
        transfers,
        proposal,
        {{ from_e8('fee_e8') }} as fee,
        {{ from_e8('uncovered_e8') }} as uncovered,
        duration_ns,
        {{ from_e8('cost_usd_e8') }} as cost_usd,
        {{ from_e8('cost_of_waiting_usd_e8') }} as cost_of_waiting_usd
    from source
)

select * from renamed
