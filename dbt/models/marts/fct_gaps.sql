with gaps as (
    select * from {{ ref('stg_lake__gaps') }}
),

numbered as (
    select
        worker,
        run_id,
        feed,
        market,
        cause,
        close_code,
        started_at,
        start_ns,
        ended_at,
        end_ns,
        duration_ns,
        cast(started_at as date) as report_date,
        expected_sequence,
        received_sequence,
        row_number() over (
            partition by worker, run_id, feed, market, start_ns
            order by end_ns, cause, close_code, expected_sequence, received_sequence
        ) as ordinal
    from gaps
)

select * from numbered
