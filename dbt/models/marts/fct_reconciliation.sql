with counted as (
    select * from {{ ref('int_count_reconciled') }}
),

replayed as (
    select * from {{ ref('stg_lake__replay_runs') }}
),

-- A replayed hour without a single output still has its row: the digest was compared.
grains as (
    select hour_ns, worker, run_id, output_table from counted
    union
    select hour_ns, worker, run_id, 'keyframes' from replayed
),

joined as (
    select
        grains.hour_ns,
        {{ at('grains.hour_ns') }} as hour_at,
        cast({{ at('grains.hour_ns') }} as date) as report_date,
        grains.worker,
        grains.run_id,
        grains.output_table,
        coalesce(counted.matched, 0) as matched,
        coalesce(counted.missing, 0) as missing,
        coalesce(counted.extra, 0) as extra,
        coalesce(counted.different, 0) as different,
        case
            when replayed.run_id is null then 'no_keyframe'
            when replayed.live_digest is null then 'not_comparable'
            when replayed.live_digest = replayed.replayed_digest then 'equal'
            else 'different'
        end as digest_status,
        coalesce(counted.missing, 0) + coalesce(counted.extra, 0) + coalesce(counted.different, 0) = 0
        and coalesce(replayed.live_digest, replayed.replayed_digest) is not distinct from replayed.replayed_digest
        and replayed.run_id is not null as is_reconciled
    from grains
    left join counted using (hour_ns, worker, run_id, output_table)
    left join replayed using (hour_ns, worker, run_id)
)

select * from joined
