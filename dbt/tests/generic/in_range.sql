{# Every value lies between two bounds, both allowed; nulls are left to not_null. #}
{% test in_range(model, column_name, low, high) %}
select *
from {{ model }}
where {{ column_name }} < {{ low }} or {{ column_name }} > {{ high }}
{% endtest %}
