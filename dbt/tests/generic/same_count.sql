{# This model has as many rows as the part of another that it was made from: nothing was lost or doubled on the way. #}
{% test same_count(model, other, where_other) %}
with mine as (
    select count(*) as n from {{ model }}
),

theirs as (
    select count(*) as n from {{ other }} where {{ where_other }}
)

select mine.n as mine, theirs.n as theirs
from mine, theirs
where mine.n <> theirs.n
{% endtest %}
