{# Per group, this model's sum equals the other's: nothing is lost or counted twice between two grains. A group that is not
   there sums to nothing: a day without a trade is right with its zero. #}
{% test sums_equal(model, column_name, other, other_column, by, where_other) %}
with mine as (
    select {{ by | join(', ') }}, sum({{ column_name }}) as total
    from {{ model }}
    group by {{ by | join(', ') }}
),

theirs as (
    select {{ by | join(', ') }}, sum({{ other_column }}) as total
    from {{ other }}
    where {{ where_other }}
    group by {{ by | join(', ') }}
)

select {{ by | join(', ') }}, mine.total as mine, theirs.total as theirs
from mine
full join theirs using ({{ by | join(', ') }})
where coalesce(mine.total, 0) <> coalesce(theirs.total, 0)
{% endtest %}
