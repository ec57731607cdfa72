{# The net of a stack is its gross plus every cost, exactly. #}
{% test stack_adds_up(model, prefix) %}
select *
from {{ model }}
where {{ prefix }}_net_usd is distinct from {{ prefix }}_gross_usd
{%- for kind in cost_kinds() %} + {{ prefix }}_{{ kind }}_usd{% endfor %}
{% endtest %}
