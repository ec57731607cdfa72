with trades as (
    select * from {{ ref('stg_lake__trade_outcomes') }} where is_primary
),

fees as (
    select * from {{ ref('int_taker_fees') }}
),

-- The line in force: the pair's own before the venue's, the latest validity first.
charged as (
    select
        trades.*,
        fees.taker_millionths
    from trades
    inner join fees
        on trades.hour_ns = fees.hour_ns
        and trades.worker = fees.worker
        and trades.run_id = fees.run_id
        and split_part(trades.instrument, ':', 1) = fees.venue
        and coalesce(fees.symbol, substr(trades.instrument, strpos(trades.instrument, ':') + 1))
        = substr(trades.instrument, strpos(trades.instrument, ':') + 1)
        and fees.valid_from_ns <= trades.decided_ns
    qualify row_number() over (
        partition by trades.worker, trades.run_id, trades.trade_id, trades.latency_ns
        order by fees.symbol is not null desc, fees.valid_from_ns desc, fees.taker_millionths desc
    ) = 1
)

select * from charged
