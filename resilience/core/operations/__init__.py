"""Operations in policies: declarations, REST APIs, new names, and advice about impossible actions."""
