{# No row may meet the condition; the name of the test says why. #}
{% test never(model, condition) %}
select *
from {{ model }}
where {{ condition }}
{% endtest %}
