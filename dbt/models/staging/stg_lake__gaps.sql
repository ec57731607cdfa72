with source as (
    select * from {{ source('lake', 'gaps') }}
),

renamed as (
    select
        worker,
        run_id,
        feed,
        instrument as market,
        cause,
        close_code,
        start_ns,
        {{ at('start_ns') }} as started_at,
        end_ns,
        {{ at('end_ns') }} as ended_at,
        end_ns - start_ns as duration_ns,
        expected as expected_sequence,
        received as received_sequence,
        received_ns as recorded_ns
    from source
)

select * from renamed
