"""AWS IoT Core, with the part of the token service that scripts need; the state is moto's."""
