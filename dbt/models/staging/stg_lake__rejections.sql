with source as (
    select * from {{ source('lake', 'rejections') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        instrument,
        pool,
        direction,
        reason,
        count as evaluations,
        {{ from_centibps('best_edge_centibps') }} as best_edge_bps,
        interval_start_ns,
        received_ns,
        received_ns // 3600000000000 * 3600000000000 as hour_ns
    from source
)

select * from renamed
